"""Autograd by itself: own Functions, hooks, higher derivatives, Jacobians, in-place rules, graph inspection."""

import torch
from torch import nn
from torch.autograd import Function


class Cube(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return scale * x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * ctx.scale * 3 * x**2, None


class StraightSign(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x.sign()

    @staticmethod
    def backward(ctx, grad):
        return grad if grad is None else grad.clamp(-1, 1)


class Both(Function):
    @staticmethod
    def forward(ctx, a, b):
        low, high = torch.minimum(a, b), torch.maximum(a, b)
        ctx.save_for_backward(a < b)
        ctx.mark_non_differentiable(low)
        return low, high

    @staticmethod
    def backward(ctx, _, g):
        (m,) = ctx.saved_tensors
        return g * ~m, g * m


x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
y = Cube.apply(x, 2.0)
print(y)
y.sum().backward()
print(x.grad, torch.autograd.gradcheck(Cube.apply, (torch.randn(3, dtype=torch.double, requires_grad=True), 2.0)))
low, high = Both.apply(x, -x)
print(low.requires_grad, high.grad_fn is not None)
(StraightSign.apply(x) * high).sum().backward()
print(x.grad)

# derivatives of derivatives
z = torch.tensor(0.7, requires_grad=True)
f = torch.sin(z) * torch.exp(z)
for order in range(4):
    (f,) = torch.autograd.grad(f, z, create_graph=True)
    print("derivative", order + 1, f"{f.item():.4f}")
print(torch.autograd.functional.jacobian(lambda v: v.exp().cumsum(0), torch.tensor([0.1, 0.2])))
print(torch.autograd.functional.hessian(lambda v: (v[0] * v[1] ** 2).sin(), torch.tensor([0.5, 1.5])))

torch.manual_seed(4)
net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
seen = []
handles = [
    net[0].register_forward_hook(lambda m, i, o: seen.append(("forward", type(m).__name__, tuple(o.shape)))),
    net[1].register_forward_pre_hook(lambda m, i: seen.append(("before", len(i)))),
    net[2].register_full_backward_hook(lambda m, gi, go: seen.append(("backward", tuple(gi[0].shape), f"{go[0].sum():.4f}"))),
    net[0].weight.register_hook(lambda g: g * 2),
]
out = net(torch.ones(3, 4))
out.register_hook(lambda g: seen.append(("tensor", g.sum().item())))
out.retain_grad()
out.pow(2).sum().backward()
print(seen, net[0].weight.grad.norm(), out.grad)
for handle in handles:
    handle.remove()
net(torch.ones(3, 4))
print(len(seen))

# a gradient penalty
for step in range(50):
    inputs = torch.randn(6, 4, requires_grad=True)
    score = net(inputs).sum(1)
    (slope,) = torch.autograd.grad(score, inputs, torch.ones_like(score), create_graph=True, retain_graph=True)
    penalty = ((slope.norm(2, dim=1) - 1) ** 2).mean()
    net.zero_grad()
    (score.mean() + 10 * penalty).backward()
    with torch.no_grad():
        for p in net.parameters():
            p -= 0.01 * p.grad if p.grad is not None else 0
    print(f"penalty {penalty.item():.4f} {net[0].weight.grad.abs().sum():.4f}")

a = torch.arange(4.0, requires_grad=True)
b = a * a
u = b.detach()
(u * a).sum().backward()
print(a.grad == u, a.grad)
a.grad.zero_()
c = a.clone()
c[1:3] *= 2
c[0] = 5
c.sum().backward()
print(a.grad)


def f(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


a = torch.tensor(0.37, requires_grad=True)
d = f(a)
d.backward()
print(a.grad == d / a, a.grad)

w = torch.ones(2, requires_grad=True)
h = w.exp()
for attempt in (
    lambda: w.add_(1), lambda: (h.add_(1), h.sum().backward()), lambda: torch.ones(2).sum().backward(),
    lambda: (w * 2).backward(), lambda: w.numpy(), lambda: torch.tensor(h.tolist() + ["a"]),
    lambda: torch.ones(2, 3) @ torch.ones(2, 3), lambda: nn.Linear(3, 2)(torch.ones(1, 4)), lambda: torch.ones(3) + torch.ones(4),
    lambda: nn.CrossEntropyLoss()(torch.ones(2, 3), torch.tensor([0, 7])), lambda: torch.zeros(3)[5], lambda: bool(torch.ones(2)),
    lambda: torch.ones(2, 3).view(4), lambda: nn.Module()(1), lambda: torch.cat([]), lambda: torch.ones(2).item(),
):
    try:
        attempt()
        print("went through")
    except Exception as error:
        print(type(error).__name__)
s = (w * 3).sum()
s.backward()
try:
    (w.sigmoid().log().sum()).backward()
    k = w.sigmoid().sum()
    k.backward()
    k.backward()
except RuntimeError as error:
    print("twice:", type(error).__name__)
print(w.grad)
with torch.no_grad():
    print((w * 2).requires_grad, torch.is_grad_enabled())
with torch.enable_grad(), torch.set_grad_enabled(False):
    print((w * 2).requires_grad)
with torch.inference_mode():
    print((w * 2).requires_grad, torch.is_inference_mode_enabled())
print(h.grad_fn.name(), s.grad_fn.next_functions[0][0].name(), w.is_leaf, h.is_leaf)


@torch.no_grad()
def frozen(v):
    return v * 2


print(frozen(w).requires_grad, w.detach().requires_grad_().is_leaf)
from torch.utils.checkpoint import checkpoint

v = torch.randn(3, requires_grad=True)
checkpoint(lambda t: (t.sin() * t).exp(), v, use_reentrant=False).sum().backward()
print(v.grad)
m = torch.randn(4, 3, requires_grad=True)
q = m.clone()
q[0].mul_(2)
q[:, 1] = q[:, 0].clone().sin()
q.T[2].add_(m[:, 0].exp())
(q.prod(1) + q.max(1).values).sum().backward()
print(m.grad, q.grad_fn is not None, torch.autograd.functional.vjp(lambda t: t.exp(), m.detach()[0], torch.ones(3))[1])
