"""ResNet-18 as in "Dive into Deep Learning": one input channel, four stages of two residual blocks, batch norm, SGD."""

from . import Training


def build(torch, batch: int, side: int, width: int = 64) -> Training:
    """ResNet-18 on 1×side×side images; the last stage has 8·width channels."""
    nn, functional = torch.nn, torch.nn.functional

    class Residual(nn.Module):
        """y = relu(norm(conv(relu(norm(conv x)))) + x), x through a 1×1 convolution where its shape changes."""

        def __init__(self, ins, outs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(ins, outs, kernel_size=3, padding=1, stride=stride)
            self.conv2 = nn.Conv2d(outs, outs, kernel_size=3, padding=1)
            self.conv3 = nn.Conv2d(ins, outs, kernel_size=1, stride=stride) if ins != outs else None
            self.bn1, self.bn2 = nn.BatchNorm2d(outs), nn.BatchNorm2d(outs)

        def forward(self, x):
            y = functional.relu(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            if self.conv3 is not None:
                x = self.conv3(x)
            return functional.relu(y + x)

    def stage(ins, outs):
        return nn.Sequential(Residual(ins, outs, 1 if ins == outs else 2), Residual(outs, outs, 1))

    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Sequential(
            nn.Conv2d(1, width, kernel_size=7, stride=2, padding=3), nn.BatchNorm2d(width), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        ),
        stage(width, width), stage(width, 2 * width), stage(2 * width, 4 * width), stage(4 * width, 8 * width),
        nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(8 * width, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(net, step, torch.randn(batch, 1, side, side), torch.randint(10, (batch,)))
