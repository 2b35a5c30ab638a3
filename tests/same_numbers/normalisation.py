"""Every normalising layer in a small net, fifty steps each: running statistics, frozen and lazy ones, evaluation."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(13)
flat, image, volume = torch.randn(32, 8) * 3 + 1, torch.randn(8, 6, 7, 7) * 2 - 1, torch.randn(4, 4, 3, 5, 5)


def fit(name, norm, x):
    torch.manual_seed(4)
    # no biases: in front of a norm their gradient is rounding alone, which RMSprop would blow up
    kinds = {2: lambda i, o: nn.Linear(i, o, bias=False), 3: lambda i, o: nn.Conv1d(i, o, 1, bias=False), 4: lambda i, o: nn.Conv2d(i, o, 1, bias=False), 5: lambda i, o: nn.Conv3d(i, o, 1, bias=False)}
    make = kinds[x.dim()]
    net = nn.Sequential(make(x.shape[1], x.shape[1]), norm, nn.Tanh(), make(x.shape[1], 2))
    goal = torch.stack([x[:, 0].sin(), x[:, 1].abs().sqrt()], 1)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=0.01)
    told = []
    for step in range(50):
        optimizer.zero_grad()
        loss = F.smooth_l1_loss(net(x[step % 2 :: 2]), goal[step % 2 :: 2])
        loss.backward()
        optimizer.step()
        if step % 7 == 0 or step == 49:
            told.append(f"{loss.item():.5f}")
    net.eval()
    with torch.no_grad():
        told.append(f"then {F.smooth_l1_loss(net(x), goal).item():.5f}")
    print(name, *told)
    for key, value in norm.state_dict().items():
        print("   ", key, f"{value.double().mean().item():.5f}")


fit("batch, flat", nn.BatchNorm1d(8), flat)
fit("batch, mean of all batches", nn.BatchNorm1d(8, momentum=None), flat)
fit("batch, plain", nn.BatchNorm1d(8, affine=False, track_running_stats=False), flat)
fit("batch, sequences", nn.BatchNorm1d(6), image.flatten(2))
fit("batch, images", nn.BatchNorm2d(6, eps=1e-3, momentum=0.3), image)
fit("batch, volumes", nn.BatchNorm3d(4), volume)
fit("batch, lazy", nn.LazyBatchNorm2d(), image)
fit("layer", nn.LayerNorm(8), flat)
fit("layer over images", nn.LayerNorm([6, 7, 7], elementwise_affine=False), image)
fit("layer without bias", nn.LayerNorm(8, bias=False), flat)
fit("group", nn.GroupNorm(3, 6), image)
fit("group of one", nn.GroupNorm(1, 4), volume)
fit("instance", nn.InstanceNorm2d(6), image)
fit("instance with statistics", nn.InstanceNorm2d(6, affine=True, track_running_stats=True), image)
fit("root mean square", nn.RMSNorm(8, eps=1e-5), flat)
fit("local response", nn.LocalResponseNorm(3), image)

frozen = nn.BatchNorm2d(6).eval()
frozen.running_mean.copy_(torch.arange(6.0))
for p in frozen.parameters():
    p.requires_grad_(False)
print(f"{frozen(image).mean().item():.5f}", frozen.num_batches_tracked)
print(nn.BatchNorm2d(6), nn.LayerNorm([2, 3]), nn.GroupNorm(2, 4), nn.InstanceNorm1d(3), nn.RMSNorm(5), nn.LocalResponseNorm(2))
