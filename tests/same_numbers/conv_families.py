"""Convolutions of one, two and three dimensions, there and back, with pooling, padding and resampling between; fifty steps each."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(12)
signal, image, volume = torch.randn(6, 3, 24), torch.randn(6, 3, 12, 12), torch.randn(3, 2, 6, 8, 8)


class Unpooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding="same")
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
        self.back = nn.ConvTranspose2d(6, 3, 3, padding=1)

    def forward(self, x):
        kept, where = self.pool(self.conv(x))
        return self.back(self.unpool(kept, where))


class Folded(nn.Module):
    """A convolution said as unfold, product, fold."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(27, 27) * 0.1)

    def forward(self, x):
        columns = F.unfold(x, 3, padding=1)
        return F.fold(self.weight @ columns, x.shape[-2:], 3, padding=1) / 9


def relu_between(*layers):
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])


nets = {
    "1d, dilated and grouped": (relu_between(nn.Conv1d(3, 6, 3, dilation=2, padding=2), nn.Conv1d(6, 6, 5, groups=3, padding=2), nn.Conv1d(6, 3, 1)), signal),
    "1d there and back": (relu_between(nn.Conv1d(3, 8, 4, 2, 1), nn.ConvTranspose1d(8, 3, 4, 2, 1)), signal),
    "1d average, max, power means": (nn.Sequential(nn.Conv1d(3, 4, 3, padding=1), nn.LPPool1d(2, 2), nn.Upsample(scale_factor=2, mode="linear"), nn.AvgPool1d(3, 1, 1), nn.Conv1d(4, 3, 1)), signal),
    "circular padding": (relu_between(nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular"), nn.Conv2d(6, 3, 3, padding=1, padding_mode="reflect")), image),
    "replicated padding, depthwise": (relu_between(nn.Conv2d(3, 6, (1, 3), padding=(0, 1), padding_mode="replicate"), nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False), nn.Conv2d(6, 3, 1)), image),
    "pad layers": (nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(3, 4, 3), nn.ZeroPad2d((1, 0, 0, 1)), nn.Conv2d(4, 3, 4)), image),
    "max pooling undone": (Unpooled(), image),
    "pixel shuffle": (relu_between(nn.Conv2d(3, 12, 2, 2), nn.PixelShuffle(2)), image),
    "bilinear, bicubic": (nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.Conv2d(4, 3, 3, 1, 1), nn.Upsample(size=(12, 12), mode="bicubic")), image),
    "adaptive pooling": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveMaxPool2d((5, 6)), nn.AdaptiveAvgPool2d(4), nn.ConvTranspose2d(4, 3, 3, 3, groups=1, output_padding=0)), image),
    "output padding, dilation": (nn.ConvTranspose2d(3, 3, 3, 2, 4, output_padding=1, dilation=3), image),
    "fold": (Folded(), image),
    "3d": (relu_between(nn.Conv3d(2, 4, 3, padding=1), nn.MaxPool3d(2), nn.ConvTranspose3d(4, 2, 2, 2)), volume),
    "lazy": (relu_between(nn.LazyConv2d(5, 3, padding=1), nn.LazyConvTranspose2d(3, 3, padding=1)), image),
}  # fmt: skip
for name, (net, x) in nets.items():
    out = net(x)
    if out.shape != x.shape:
        x = F.interpolate(x, out.shape[2:])
    goal = (x.roll(1, -1) + 0.3 * x.flip(-1)).tanh()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.8)
    told = []
    for step in range(50):
        optimizer.zero_grad()
        out = net(x)
        loss = F.mse_loss(out if out.shape == goal.shape else F.interpolate(out, goal.shape[2:]), goal)
        loss.backward()
        optimizer.step()
        if step % 7 == 0 or step == 49:
            told.append(f"{loss.item():.5f}")
    print(name, tuple(out.shape), *told)
