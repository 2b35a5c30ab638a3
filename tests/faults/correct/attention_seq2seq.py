"""A small encoder-decoder with attention: the loss summed over time steps before one backward, masked positions, greedy decoding."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(17)
V, H, PAD = 12, 16, 0


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn = nn.Embedding(V, H, padding_idx=PAD), nn.GRU(H, H, batch_first=True)

    def forward(self, x):
        return self.rnn(self.embed(x))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.cell = nn.Embedding(V, H, padding_idx=PAD), nn.GRUCell(2 * H, H)
        self.score, self.out = nn.Linear(H, H, bias=False), nn.Linear(2 * H, V)

    def forward(self, token, state, memory, mask):
        scores = (memory @ self.score(state).unsqueeze(2)).squeeze(2).masked_fill(~mask, -1e9)
        weights = F.softmax(scores, dim=1)
        context = (weights.unsqueeze(1) @ memory).squeeze(1)
        state = self.cell(torch.cat([self.embed(token), context], 1), state)
        return self.out(torch.cat([state, context], 1)), state


encoder, decoder = Encoder(), Decoder()
optimizer = torch.optim.Adam(list(encoder.parameters()) + list(decoder.parameters()), lr=0.01)
source = torch.randint(2, V, (64, 6))
source[::2, 4:] = PAD
target = source.flip(1)
for step in range(8):
    rows = torch.randint(0, 64, (16,))
    x, y = source[rows], target[rows]
    memory, state = encoder(x)
    state, token, loss = state[0], torch.ones(16, dtype=torch.long), 0
    for t in range(y.shape[1]):
        logits, state = decoder(token, state, memory, x != PAD)
        loss = loss + F.cross_entropy(logits, y[:, t], ignore_index=PAD)
        token = y[:, t] if torch.rand(()) < 0.5 else logits.argmax(1)
    loss = loss / y.shape[1]
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
    optimizer.step()
print(loss.item())
encoder.eval(), decoder.eval()
with torch.no_grad():
    memory, state = encoder(source[:1])
    state, token, out = state[0], torch.ones(1, dtype=torch.long), []
    for _ in range(6):
        logits, state = decoder(token, state, memory, source[:1] != PAD)
        token = logits.argmax(1)
        out.append(token.item())
print(out)
