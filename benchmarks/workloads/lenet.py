"""LeNet as in "Dive into Deep Learning": 5×5 convolutions of 6 and 16 channels, sigmoid, average pooling, SGD."""

from . import Training


def build(torch, batch: int) -> Training:
    """LeNet-5 on 1×28×28 images."""
    nn, functional = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), lr=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(net, step, torch.randn(batch, 1, 28, 28), torch.randint(10, (batch,)))
