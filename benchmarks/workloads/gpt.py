"""A small GPT over characters: 4 layers of 128, 4 heads, norms before the sublayers, output tied to the embedding, AdamW."""

from . import Training


def build(torch, batch: int, length: int, layers: int = 4, width: int = 128, heads: int = 4, vocabulary: int = 65) -> Training:
    """Predicts the next of `vocabulary` characters at each of `length` places."""
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        """x + attention(norm x), then x + mlp(norm x)."""

        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            n, t, c = x.shape
            q, k, v = (part.view(n, t, heads, c // heads).transpose(1, 2) for part in self.qkv(self.norm1(x)).split(c, dim=2))
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(mixed.transpose(1, 2).reshape(n, t, c))
            return x + self.down(functional.gelu(self.up(self.norm2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
            self.blocks = nn.ModuleList([Block() for _ in range(layers)])
            self.norm = nn.LayerNorm(width)
            nn.init.normal_(self.tokens.weight, std=0.02)
            nn.init.normal_(self.places.weight, std=0.02)

        def forward(self, x):
            h = self.tokens(x) + self.places(torch.arange(x.shape[1]))
            for block in self.blocks:
                h = block(h)
            return functional.linear(self.norm(h), self.tokens.weight)

    torch.manual_seed(0)
    net = GPT()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x).reshape(-1, vocabulary), y.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss

    text = torch.randint(vocabulary, (batch, length + 1))
    return Training(net, step, text[:, :-1].contiguous(), text[:, 1:].contiguous())
