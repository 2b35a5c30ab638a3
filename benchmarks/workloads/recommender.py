"""A recommender: embeddings of user and item side by side, an MLP on top, mean squared error of the rating, Adam."""

from . import Training


def build(torch, batch: int, entries: int, width: int = 32) -> Training:
    """`entries` users and as many items; their tables are nearly all of the parameters, and Adam passes over all of them."""
    nn, functional = torch.nn, torch.nn.functional

    class Recommender(nn.Module):
        def __init__(self):
            super().__init__()
            self.users, self.items = nn.Embedding(entries, width), nn.Embedding(entries, width)
            self.mlp = nn.Sequential(nn.Linear(2 * width, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))

        def forward(self, x):
            both = torch.cat([self.users(x[:, 0]), self.items(x[:, 1])], dim=1)
            return self.mlp(both).squeeze(1)

    torch.manual_seed(0)
    net = Recommender()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(net, step, torch.randint(entries, (batch, 2)), 1 + 4 * torch.rand(batch))
