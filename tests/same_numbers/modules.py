"""Modules as learners build them: sharing, lists and dicts, own attributes, methods added later, lazy layers, walking the tree."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)


def add_to_class(Class):
    def wrapper(obj):
        setattr(Class, obj.__name__, obj)

    return wrapper


class HyperParameters:
    def save_hyperparameters(self, **kwargs):
        for k, v in kwargs.items():
            setattr(self, k, v)


class Base(nn.Module, HyperParameters):
    def __init__(self, **kwargs):
        super().__init__()
        self.save_hyperparameters(**kwargs)

    def forward(self, X):
        assert hasattr(self, "net"), "no network yet"
        return self.net(X)


class Regression(Base):
    def __init__(self, lr):
        super().__init__(lr=lr)
        self.net = nn.LazyLinear(1)
        self.net.weight.data.normal_(0, 0.01) if not isinstance(self.net.weight, nn.UninitializedParameter) else None


@add_to_class(Regression)
def loss(self, y_hat, y):
    return nn.MSELoss()(y_hat, y)


@add_to_class(Regression)
def configure_optimizers(self):
    return torch.optim.SGD(self.parameters(), self.lr)


model = Regression(lr=0.05)
X, y = torch.randn(32, 4), torch.randn(32, 1)
print(model)
model(X)
optimizer = model.configure_optimizers()
for _ in range(50):
    l = model.loss(model(X), y)
    optimizer.zero_grad()
    l.backward()
    optimizer.step()
    print(f"{l:.4f}", end=" ")
print()

shared = nn.Linear(8, 8)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(8, 1))
print(net[2].weight.data[0] == net[4].weight.data[0], len(list(net.parameters())), len(net.state_dict()))
net(X).sum().backward()
print(net[2].weight.grad.norm(), net[2].weight.grad is net[4].weight.grad)
tied = nn.Linear(6, 10, bias=False)
table = nn.Embedding(10, 6)
tied.weight = table.weight
tied(table(torch.tensor([1, 2]))).sum().backward()
print(table.weight.grad.sum(), tied.weight is table.weight)


class FixedHidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.rand_weight = torch.rand((20, 20), requires_grad=False)
        self.linear = nn.LazyLinear(20)

    def forward(self, X):
        X = self.linear(X)
        X = F.relu(torch.mm(X, self.rand_weight) + 1)
        X = self.linear(X)
        while X.abs().sum() > 1:
            X /= 2
        return X.sum()


print(FixedHidden()(torch.rand(2, 20)))


class Many(nn.Module):
    def __init__(self):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        self.choices = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
        self.scales = nn.ParameterList([nn.Parameter(torch.ones(1) * i) for i in range(3)])
        self.named = nn.ParameterDict({"left": nn.Parameter(torch.randn(4)), "right": nn.Parameter(torch.zeros(4))})

    def forward(self, x, which="relu"):
        for i, l in enumerate(self.linears):
            x = self.linears[i // 2](x) + self.scales[i % 3] * l(x)
        return self.choices[which](x) + self.named["left"]


many = Many()
many.linears.append(nn.Linear(4, 4))
many.linears.insert(0, nn.Linear(4, 4))
print(many)
print([n for n, _ in many.named_parameters()][:5], many(X).sum(), many(X, "tanh").std())
print(many.linears[1:3], "relu" in many.choices, list(many.named.keys()))


class Proxy(nn.Module):
    """Falls back on the module inside for what it doesn't have."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, x):
        return self.inner(x) * 2


proxy = Proxy(nn.Linear(4, 2))
print(proxy.in_features, proxy.weight.shape, [n for n, _ in proxy.named_parameters()], proxy(X).sum())
try:
    proxy.nothing
except AttributeError as error:
    print(error)
try:
    class Early(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    Early()
except AttributeError as error:
    print(type(error).__name__)
try:
    nn.Linear(2, 2).weight = torch.ones(2, 2)
except TypeError as error:
    print(type(error).__name__)


class Centered(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))
        self.register_parameter("gain", None)

    def forward(self, X):
        self.mean.mul_(0.9).add_(X.detach().mean(0), alpha=0.1)
        return X - self.mean

    def extra_repr(self):
        return f"momentum={0.1}"


centered = Centered()
centered(X)
print(centered, centered.mean, dict(centered.named_buffers()).keys(), list(centered.parameters()))
print(centered.double().mean.dtype, centered.to(torch.float32).mean.dtype, centered.half().mean.dtype)


def init_xavier(m):
    if type(m) is nn.Linear:
        nn.init.xavier_uniform_(m.weight)
        nn.init.zeros_(m.bias)


def init_42(m):
    if type(m) == nn.Linear:
        nn.init.constant_(m.weight, 42)


net[0].apply(init_xavier)
net[6].apply(init_42)
print(net[0].weight.data[0], net[6].weight.data)
for scheme in ("xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "trunc_normal_", "uniform_", "eye_"):
    w = torch.empty(4, 6)
    getattr(nn.init, scheme)(w)
    print(scheme, f"{w.std():.4f}", f"{w[0, 0]:.4f}")
sizes = [nn.Conv2d(2, 3, 3), nn.ConvTranspose1d(2, 3, 2), nn.Bilinear(2, 3, 4), nn.LSTM(3, 2), nn.MultiheadAttention(4, 2), nn.Embedding(3, 2), nn.PReLU()]
for layer in sizes:
    print(type(layer).__name__, [f"{p.double().sum().item():.6f}" for p in layer.parameters()])

print([type(m).__name__ for m in net.modules()], [n for n, _ in many.named_children()])
print(net.get_submodule("2").weight.shape, net.get_parameter("0.bias").shape)
net.requires_grad_(False)
print(any(p.requires_grad for p in net.parameters()))
nested = nn.Sequential()
for i in range(2):
    nested.add_module(f"block {i}", nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
print(nested, len(nested), nested[0][0].bias.data.shape)
print(nn.Sequential(*list(net.children())[:-1])(X).shape, net[:2], nested[-1])
vector = nn.utils.parameters_to_vector(many.parameters())
nn.utils.vector_to_parameters(vector * 0.5, many.parameters())
print(vector.shape, many(X).std(), nn.Identity()(X) is X)
