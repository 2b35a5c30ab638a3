"""A classifier of token sequences: embedding, two layers of nn.TransformerEncoder with dropout, mean over places, Adam."""

from . import Training


def build(
    torch, batch: int, length: int, width: int = 128, heads: int = 4, vocabulary: int = 1000, dropout: float = 0.1, classes: int = 10
) -> Training:
    """Two post-norm encoder layers, feed-forward part 4·width with ReLU."""
    nn, functional = torch.nn, torch.nn.functional

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, width)
            layer = nn.TransformerEncoderLayer(width, heads, dim_feedforward=4 * width, dropout=dropout, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, num_layers=2)
            self.out = nn.Linear(width, classes)

        def forward(self, x):
            return self.out(self.encoder(self.tokens(x)).mean(dim=1))

    torch.manual_seed(0)
    net = Classifier()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(net, step, torch.randint(vocabulary, (batch, length)), torch.randint(classes, (batch,)))
