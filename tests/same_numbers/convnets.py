"""LeNet, a NiN block, an Inception block, residual and dense blocks, batch normalisation by hand, on small images."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(3)
images = torch.randn(48, 1, 16, 16)
labels = (images[:, 0, 4:12, 4:12].mean((1, 2)) * 20).round().long().clamp(-1, 1) + 1
print(labels.bincount())


def train(net, steps, lr, name, x=images):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    net.train()
    told = []
    for step in range(steps):
        k = step % 3
        X, y = x[k * 16 : k * 16 + 16], labels[k * 16 : k * 16 + 16]
        optimizer.zero_grad()
        l = F.cross_entropy(net(X), y)
        l.backward()
        optimizer.step()
        told.append(f"{l.item():.4f}")
    net.eval()
    with torch.no_grad():
        print(name, *told, f"accuracy {(net(x).argmax(1) == labels).float().mean():.3f}")


def init_weights(m):
    if isinstance(m, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(m.weight)


lenet = nn.Sequential(
    nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
    nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
    nn.Flatten(), nn.Linear(16 * 2 * 2, 24), nn.Sigmoid(), nn.Linear(24, 3),
)
X = images[:1]
for layer in lenet:
    X = layer(X)
    print(layer.__class__.__name__, "output shape:\t", X.shape)
lenet.apply(init_weights)
train(lenet, 50, 0.9, "lenet")


class OwnBatchNorm(nn.Module):
    def __init__(self, features, dims):
        super().__init__()
        shape = (1, features) if dims == 2 else (1, features, 1, 1)
        self.gamma = nn.Parameter(torch.ones(shape))
        self.beta = nn.Parameter(torch.zeros(shape))
        self.moving_mean = torch.zeros(shape)
        self.moving_var = torch.ones(shape)

    def forward(self, X):
        if not torch.is_grad_enabled():
            return self.gamma * (X - self.moving_mean) / torch.sqrt(self.moving_var + 1e-5) + self.beta
        dims = 0 if len(X.shape) == 2 else (0, 2, 3)
        mean = X.mean(dim=dims, keepdim=True)
        var = ((X - mean) ** 2).mean(dim=dims, keepdim=True)
        self.moving_mean = 0.9 * self.moving_mean + 0.1 * mean.data
        self.moving_var = 0.9 * self.moving_var + 0.1 * var.data
        return self.gamma * (X - mean) / torch.sqrt(var + 1e-5) + self.beta


for make in (OwnBatchNorm, lambda c, d: (nn.BatchNorm2d if d == 4 else nn.BatchNorm1d)(c)):
    torch.manual_seed(5)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), make(6, 4), nn.Sigmoid(), nn.AvgPool2d(2, 2),
        nn.Flatten(), nn.Linear(6 * 36, 20), make(20, 2), nn.Sigmoid(), nn.Linear(20, 3),
    )
    train(net, 50, 0.5, "batch norm")
print(net[1].weight.reshape((-1,)), net[1].running_mean, net[1].num_batches_tracked)


class Residual(nn.Module):
    def __init__(self, inputs, channels, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, kernel_size=3, padding=1, stride=strides)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(inputs, channels, kernel_size=1, stride=strides) if use_1x1conv else None
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, X):
        Y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X)))))
        if self.conv3:
            X = self.conv3(X)
        Y += X
        return F.relu(Y)


resnet = nn.Sequential(
    nn.Conv2d(1, 8, kernel_size=7, stride=2, padding=3), nn.BatchNorm2d(8), nn.ReLU(),
    nn.MaxPool2d(kernel_size=3, stride=2, padding=1), Residual(8, 8), Residual(8, 16, True, 2),
    nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(16, 3),
)
print(sum(p.numel() for p in resnet.parameters()), sum(b.numel() for b in resnet.buffers()))
train(resnet, 50, 0.1, "residual")


class DenseBlock(nn.Module):
    def __init__(self, convs, inputs, growth):
        super().__init__()
        layers = [
            nn.Sequential(nn.BatchNorm2d(inputs + growth * i), nn.ReLU(), nn.Conv2d(inputs + growth * i, growth, 3, padding=1))
            for i in range(convs)
        ]
        self.net = nn.Sequential(*layers)

    def forward(self, X):
        for block in self.net:
            X = torch.cat((X, block(X)), dim=1)
        return X


dense = nn.Sequential(
    nn.Conv2d(1, 8, 3, stride=2, padding=1), DenseBlock(2, 8, 4), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 1),
    nn.AvgPool2d(2, 2), nn.AdaptiveMaxPool2d((1, 1)), nn.Flatten(), nn.Linear(8, 3),
)
train(dense, 50, 0.02, "dense")


class Inception(nn.Module):
    def __init__(self, c1, c2, c3, c4):
        super().__init__()
        self.b1_1 = nn.LazyConv2d(c1, kernel_size=1)
        self.b2_1, self.b2_2 = nn.LazyConv2d(c2[0], kernel_size=1), nn.LazyConv2d(c2[1], kernel_size=3, padding=1)
        self.b3_1, self.b3_2 = nn.LazyConv2d(c3[0], kernel_size=1), nn.LazyConv2d(c3[1], kernel_size=5, padding=2)
        self.b4_1, self.b4_2 = nn.MaxPool2d(kernel_size=3, stride=1, padding=1), nn.LazyConv2d(c4, kernel_size=1)

    def forward(self, x):
        b1 = F.relu(self.b1_1(x))
        b2 = F.relu(self.b2_2(F.relu(self.b2_1(x))))
        b3 = F.relu(self.b3_2(F.relu(self.b3_1(x))))
        b4 = F.relu(self.b4_2(self.b4_1(x)))
        return torch.cat((b1, b2, b3, b4), dim=1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.LazyConv2d(6, kernel_size=3, stride=2), nn.LazyBatchNorm2d(), nn.ReLU(),
            Inception(4, (3, 6), (2, 4), 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(3),
        )

    def forward(self, x):
        return self.net(x)


inception = Net()
print(inception.net[0])
inception(images[:2])
inception.apply(init_weights)
print(inception.net[0], inception.net[-1])
train(inception, 50, 0.2, "inception")

grouped = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding="same", bias=False), nn.GroupNorm(4, 8), nn.SiLU(),
    nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8), nn.InstanceNorm2d(8, affine=True), nn.Hardtanh(),
    nn.Conv2d(8, 12, 1), nn.PixelShuffle(2), nn.Upsample(scale_factor=0.5, mode="bilinear"), nn.Dropout2d(0.2),
    nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1), nn.LPPool2d(2, 4), nn.Flatten(), nn.LayerNorm(4 * 64), nn.Linear(4 * 64, 3),
)
train(grouped, 50, 0.005, "grouped")
