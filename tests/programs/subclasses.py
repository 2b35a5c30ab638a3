"""Subclasses of Tensor and objects that stand in for tensors: what `__torch_function__` sees and gives. Runs under PyTorch and lightwell."""

import torch


class LoggingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func.__name__ not in ("__repr__", "__get__"):
            print("func", func.__name__)
        if kwargs is None:
            kwargs = {}
        return super().__torch_function__(func, types, args, kwargs)


x = torch.ones(3).as_subclass(LoggingTensor)
y = x + 1
print(type(y).__name__)
z = torch.stack([y, y]).sum()
print(type(z).__name__, z.item())


class Sub(torch.Tensor):
    pass


s = torch.arange(4.0).as_subclass(Sub)
print(type(s * 2).__name__, type(s[1:]).__name__, type(torch.sin(s)).__name__, s * 2, type(s.numpy()))
p = torch.nn.Parameter(s)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.l = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.l(x)


torch.manual_seed(0)
out = Net()(s)
print(type(out).__name__, out.detach())
out.sum().backward()
print(
    type(torch.cat([s, s])).__name__,
    type(torch.cat([s, torch.ones(1)])).__name__,
    [type(t).__name__ for t in s.split(2)],
    type(s.max(0)).__name__,
    type(s.max(0).values).__name__,
)
a = s.clone()
a += 1
print(type(a).__name__, a)
a.add_(1)
print(a, type(a[0]).__name__, type(a.sum()).__name__, type(s + torch.ones(4)).__name__, type(torch.ones(4) + s).__name__)
print(s.shape, s.dtype, s.tolist(), float(s[1]), len(s), s == s)


class Two(torch.Tensor):
    @staticmethod
    def __new__(cls, x, extra, *a, **k):
        return super().__new__(cls, x, *a, **k)

    def __init__(self, x, extra):
        self.extra = extra


t = Two([1.0, 2.0], "hi")
print(t, t.extra, type(t * 2).__name__, hasattr(t * 2, "extra"))


class P2(torch.nn.Parameter):
    pass


print(type(P2(torch.ones(2)) * 2).__name__)
for x in s:
    print(type(x).__name__)
    break
print(torch.equal(s, s), torch.allclose(s, s), torch.is_tensor(s), isinstance(s, torch.Tensor))
import functools

HANDLED = {}


class ScalarTensor:
    def __init__(self, N, value):
        self._N = N
        self._value = value

    def __repr__(self):
        return f"ScalarTensor(N={self._N}, value={self._value})"

    def tensor(self):
        return self._value * torch.eye(self._N)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func not in HANDLED or not all(issubclass(t, (torch.Tensor, ScalarTensor)) for t in types):
            return NotImplemented
        return HANDLED[func](*args, **kwargs)


def implements(f):
    def deco(g):
        functools.update_wrapper(g, f)
        HANDLED[f] = g
        return g

    return deco


@implements(torch.mean)
def mean(input):
    return float(input._value) / input._N


@implements(torch.add)
def add(input, other):
    return ScalarTensor(input._N, input._value + other._value)


d = ScalarTensor(5, 2)
print(torch.mean(d), torch.add(d, d))
try:
    torch.mul(d, 3)
except TypeError:
    print("TypeError")


class Meta:
    def __init__(self, data, metadata=None):
        self._t = torch.as_tensor(data)
        self._m = metadata

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        metadatas = tuple(a._m for a in args if hasattr(a, "_m"))
        args = [getattr(a, "_t", a) for a in args]
        return Meta(func(*args, **kwargs), metadata=metadatas[0])


m = Meta([[1.0, 2.0], [3.0, 4.0]], metadata={"owner": "A"})
t = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
print(torch.add(t, m)._m, torch.mul(t, m)._t)
