"""Whole training steps of many kinds: name -> build(torch), which gives (step, batches, net), always from the same start."""

import numpy as np

STEPS: dict = {}


def step_of(build):
    """Note a training step under its name."""
    STEPS[build.__name__] = build
    return build


def drawn(torch, *shape, classes=None, seed=0):
    """Normal numbers, or class numbers."""
    rng = np.random.default_rng(seed + sum(shape))
    return torch.tensor(rng.standard_normal(shape).astype("f") if classes is None else rng.integers(0, classes, shape))


def trainer(net, optimizer, loss):
    """The step that most programs have."""

    def step(x, y):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value

    return step


def images(torch, side, classes=10, n=8, count=3):
    return [(drawn(torch, n, 1, side, side, seed=k), drawn(torch, n, classes=classes, seed=k)) for k in range(count)]


@step_of
def mlp(torch):
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    return trainer(net, torch.optim.SGD(net.parameters(), 0.1), nn.CrossEntropyLoss()), images(torch, 8), net


@step_of
def regularised(torch):
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30), nn.Tanh(), nn.Dropout(0.3), nn.Linear(30, 5))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=1e-3, nesterov=True)
    batches = [(drawn(torch, 16, 20, seed=k), drawn(torch, 16, classes=5, seed=k)) for k in range(4)]
    return trainer(net, optimizer, nn.CrossEntropyLoss(label_smoothing=0.1)), batches, net


def lenet(torch, activation, pool):
    nn = torch.nn
    torch.manual_seed(0)
    act, pool = getattr(nn, activation), getattr(nn, pool)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), act(), pool(2, 2), nn.Conv2d(6, 16, 5), act(), pool(2, 2),
        nn.Flatten(), nn.Linear(64, 30), act(), nn.Linear(30, 10),
    )  # fmt: skip
    return trainer(net, torch.optim.SGD(net.parameters(), 0.5), nn.CrossEntropyLoss()), images(torch, 16), net


@step_of
def lenet_of_sigmoids(torch):
    return lenet(torch, "Sigmoid", "AvgPool2d")


@step_of
def lenet_of_relus(torch):
    return lenet(torch, "ReLU", "MaxPool2d")


@step_of
def residual(torch):
    nn = torch.nn
    F = nn.functional
    torch.manual_seed(0)

    class Block(nn.Module):
        def __init__(self, i, o, stride=1):
            super().__init__()
            self.one, self.two = nn.Conv2d(i, o, 3, padding=1, stride=stride), nn.Conv2d(o, o, 3, padding=1)
            self.short = nn.Conv2d(i, o, 1, stride=stride) if stride != 1 or i != o else None
            self.norm1, self.norm2 = nn.BatchNorm2d(o), nn.BatchNorm2d(o)

        def forward(self, x):
            y = self.norm2(self.two(F.relu(self.norm1(self.one(x)))))
            if self.short:
                x = self.short(x)
            y += x
            return F.relu(y)

    net = nn.Sequential(
        nn.Conv2d(1, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1), Block(8, 8), Block(8, 16, 2),
        nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    return trainer(net, torch.optim.SGD(net.parameters(), 0.05), nn.CrossEntropyLoss()), images(torch, 16, n=4), net


@step_of
def gpt(torch):
    nn = torch.nn
    F = nn.functional
    torch.manual_seed(0)
    width, heads, length, words = 16, 2, 8, 20

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2, self.qkv, self.out = (
                nn.LayerNorm(width),
                nn.LayerNorm(width),
                nn.Linear(width, 3 * width, bias=False),
                nn.Linear(width, width),
            )
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x):
            n, t, _ = x.shape
            q, k, v = [a.view(n, t, heads, width // heads).transpose(1, 2) for a in self.qkv(self.norm1(x)).split(width, dim=2)]
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).contiguous().view(n, t, width))
            return x + self.mlp(self.norm2(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
            self.blocks = nn.ModuleList([Block() for _ in range(2)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
            self.head.weight = self.words.weight

        def forward(self, i):
            x = self.words(i) + self.places(torch.arange(i.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x)).flatten(0, 1)

    net = Net()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)

    def step(x, y):
        loss = F.cross_entropy(net(x), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss

    return (
        step,
        [(drawn(torch, 3, length, classes=words, seed=k), drawn(torch, 3, length, classes=words, seed=k + 9)) for k in range(3)],
        net,
    )


def recurrent(kind):
    def build(torch):
        nn = torch.nn
        torch.manual_seed(0)

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.cells, self.out = getattr(nn, kind)(28, 16), nn.Linear(16, 28)

            def forward(self, x):
                y, _ = self.cells(nn.functional.one_hot(x.T, 28).float())
                return self.out(y.reshape(-1, 16))

        net = Net()
        optimizer, loss = torch.optim.SGD(net.parameters(), 0.5), nn.CrossEntropyLoss()

        def step(x, y):
            value = loss(net(x), y.T.reshape(-1))
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            return value

        return step, [(drawn(torch, 4, 9, classes=28, seed=k), drawn(torch, 4, 9, classes=28, seed=k + 9)) for k in range(3)], net

    build.__name__ = kind.lower()
    return step_of(build)


for _kind in ("RNN", "GRU", "LSTM"):
    recurrent(_kind)


@step_of
def encoder(torch):
    nn = torch.nn
    torch.manual_seed(0)
    whole = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, dropout=0.1, batch_first=True), 2)
    net = nn.Sequential(whole, nn.Linear(16, 5))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)  # Adam would make steps of the keys' bias, which has no gradient

    def step(x, y):
        loss = nn.functional.cross_entropy(net(x).mean(1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, [(drawn(torch, 4, 7, 16, seed=k), drawn(torch, 4, classes=5, seed=k)) for k in range(3)], net


@step_of
def generator(torch):
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.ConvTranspose2d(10, 16, 4, 1, 0, bias=False),
        nn.BatchNorm2d(16),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(16, 3, 4, 2, 1),
        nn.Tanh(),
    )
    optimizer = torch.optim.Adam(net.parameters(), 2e-4, betas=(0.5, 0.999))
    return (
        trainer(net, optimizer, nn.MSELoss()),
        [(drawn(torch, 4, 10, 1, 1, seed=k), drawn(torch, 4, 3, 8, 8, seed=k)) for k in range(3)],
        net,
    )


@step_of
def recommender(torch):
    nn = torch.nn
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.users, self.items = nn.Embedding(50, 8), nn.Embedding(60, 8)
            self.mlp = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))

        def forward(self, x):
            return self.mlp(torch.cat([self.users(x[:, 0]), self.items(x[:, 1])], 1)).squeeze(1)

    net = Net()
    batches = [(drawn(torch, 32, 2, classes=50, seed=k), drawn(torch, 32, seed=k).sigmoid()) for k in range(3)]
    return trainer(net, torch.optim.Adam(net.parameters(), 1e-2), nn.BCEWithLogitsLoss()), batches, net


@step_of
def autoencoder(torch):
    nn = torch.nn
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.mean, self.spread, self.outer = nn.Linear(12, 8), nn.Linear(8, 3), nn.Linear(8, 3), nn.Linear(3, 12)

        def forward(self, x):
            h = torch.tanh(self.inner(x))
            mean, spread = self.mean(h), self.spread(h)
            z = mean + torch.randn_like(mean) * (0.5 * spread).exp()
            return self.outer(z), mean, spread

    net = Net()
    optimizer = torch.optim.RMSprop(net.parameters(), 1e-3, momentum=0.5)

    def step(x, y):
        out, mean, spread = net(x)
        loss = nn.functional.mse_loss(out, y, reduction="sum") - 0.5 * (1 + spread - mean**2 - spread.exp()).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, [(drawn(torch, 6, 12, seed=k), drawn(torch, 6, 12, seed=k)) for k in range(3)], net
