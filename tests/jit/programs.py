"""Networks made of common layers, for either library: both must read the other's archives of them."""

import numpy as np


def _conv(torch):
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.BatchNorm2d(4), nn.LeakyReLU(0.1), nn.AvgPool2d(2), nn.ConvTranspose2d(4, 3, 2, stride=2),
        nn.Hardtanh(), nn.GroupNorm(1, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(12, 5), nn.Softmax(dim=1),
    )  # fmt: skip


def _mlp(torch):
    nn = torch.nn
    layers = [nn.Linear(6, 6), nn.GELU(), nn.LayerNorm(6), nn.SiLU(), nn.ELU(), nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.ReLU6()]
    return nn.Sequential(*layers)


def _embed(torch):
    nn = torch.nn

    class Text(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(10, 4)
            self.out = nn.Linear(8, 3)

        def forward(self, ids):
            x = self.embed(ids)
            x = torch.cat([x.mean(dim=1), x.max(dim=1)[0]], dim=-1)
            return torch.sigmoid(self.out(x)).permute(1, 0).contiguous().view(-1)

    return Text()


def _recurrent(kind):
    def make(torch):
        return getattr(torch.nn, kind)(3, 4, num_layers=2, batch_first=True)

    return make


def programs(torch):
    """(function that makes the module, its inputs as arrays)."""
    r = np.random.default_rng(0)
    torch.manual_seed(0)
    f = r.standard_normal
    return [
        (_conv, [f((2, 2, 8, 8), dtype=np.float32)]),
        (_mlp, [f((3, 6), dtype=np.float32)]),
        (_embed, [r.integers(0, 10, (2, 5))]),
        (_recurrent("LSTM"), [f((2, 5, 3), dtype=np.float32)]),
        (_recurrent("GRU"), [f((2, 5, 3), dtype=np.float32)]),
    ]
