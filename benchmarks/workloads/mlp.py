"""A multilayer perceptron 784-256-10 with ReLU, cross-entropy, SGD."""

from . import Training


def build(torch, batch: int, hidden: int = 256) -> Training:
    """One hidden layer on flattened 28×28 images."""
    nn, functional = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(net, step, torch.randn(batch, 784), torch.randint(10, (batch,)))
