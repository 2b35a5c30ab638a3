"""Skip-gram with negative sampling and nn.Embedding; similar words; matrix factorisation; EmbeddingBag."""

import random

import torch
from torch import nn

torch.manual_seed(21)
pick = random.Random(2)
words = ["north", "south", "east", "west", "one", "two", "three", "four", "red", "blue"]
groups = [words[:4], words[4:8], words[8:]]
sentences = [[pick.choice(g) for _ in range(6)] for g in pick.choices(groups, k=60)]
ids = {w: i for i, w in enumerate(words)}

centres, contexts, masks, labels = [], [], [], []
for sentence in sentences:
    for i, centre in enumerate(sentence):
        near = [ids[sentence[j]] for j in range(max(0, i - 2), min(len(sentence), i + 3)) if j != i]
        negatives = []
        while len(negatives) < len(near) * 2:
            k = pick.randrange(len(words))
            if k not in near:
                negatives.append(k)
        both = near + negatives
        padding = 12 - len(both)
        centres.append([ids[centre]])
        contexts.append(both + [0] * padding)
        masks.append([1] * len(both) + [0] * padding)
        labels.append([1] * len(near) + [0] * (12 - len(near)))
centres, contexts = torch.tensor(centres), torch.tensor(contexts)
masks, labels = torch.tensor(masks), torch.tensor(labels)
print(centres.shape, contexts.shape, masks.float().mean())


class SigmoidBCE(nn.Module):
    def forward(self, inputs, target, mask=None):
        out = nn.functional.binary_cross_entropy_with_logits(inputs, target, weight=mask, reduction="none")
        return out.mean(dim=1)


loss = SigmoidBCE()
net = nn.Sequential(nn.Embedding(len(words), 8), nn.Embedding(len(words), 8))
print(net[0].weight[:2])


def init(module):
    if type(module) == nn.Embedding:
        nn.init.xavier_uniform_(module.weight)


net.apply(init)
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
for step in range(50):
    part = slice(step % 6 * 60, step % 6 * 60 + 60)
    v, u = net[0](centres[part]), net[1](contexts[part])
    guess = torch.bmm(v, u.permute(0, 2, 1))
    mask = masks[part].float()
    l = loss(guess.reshape(labels[part].shape).float(), labels[part].float(), mask) / mask.sum(axis=1) * mask.shape[1]
    optimizer.zero_grad()
    l.sum().backward()
    optimizer.step()
    if step % 5 == 0:
        print(f"step {step} loss {(l.sum() / l.numel()).item():.4f}")
with torch.no_grad():
    W = net[0].weight.data
    for word in ("north", "two", "red"):
        x = W[ids[word]]
        cos = torch.mv(W, x) / torch.sqrt(torch.sum(W * W, dim=1) * torch.sum(x * x) + 1e-9)
        best = torch.topk(cos, k=3)
        print(word, [words[i] for i in best.indices.numpy().astype("int32")[1:]], [f"{float(c):.3f}" for c in best.values])
    print(nn.CosineSimilarity(dim=0)(W[0], W[1]), torch.cdist(W[:3], W[:3]))

# ratings as products of two tables, with biases
users, items = torch.randint(0, 12, (200,)), torch.randint(0, 9, (200,))
taste, kind = torch.randn(12, 2), torch.randn(9, 2)
ratings = (taste[users] * kind[items]).sum(1) + 3 + 0.1 * torch.randn(200)


class Factors(nn.Module):
    def __init__(self, users, items, k, sparse=False):
        super().__init__()
        self.P, self.Q = nn.Embedding(users, k), nn.Embedding(items, k)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)

    def forward(self, u, i):
        out = (self.P(u) * self.Q(i)).sum(dim=1, keepdim=True) + self.user_bias(u) + self.item_bias(i)
        return out.flatten()


model = Factors(12, 9, 3)
sgd = torch.optim.Adagrad(model.parameters(), lr=0.2, weight_decay=1e-4)
for epoch in range(12):
    sgd.zero_grad()
    l = nn.functional.mse_loss(model(users, items), ratings)
    l.backward()
    sgd.step()
    if epoch % 3 == 0:
        print(f"factors {epoch} rmse {l.sqrt().item():.4f}")
print(model.P.weight.grad.abs().sum(1))

bag = nn.EmbeddingBag(10, 4, mode="sum", padding_idx=0)
flat, offsets = torch.tensor([1, 2, 4, 5, 4, 3, 2, 9]), torch.tensor([0, 4])
print(bag(flat, offsets), bag)
bag(flat, offsets).pow(2).sum().backward()
print(bag.weight.grad.sum(1))
given = nn.Embedding.from_pretrained(torch.arange(6.0).reshape(3, 2), freeze=False, max_norm=1.0)
print(given(torch.tensor([1, 2])), given.weight)
