"""vmap: dims, trees, randomness, refusals, writing in place, networks; against loops, and against PyTorch's vmap where installed."""

import collections

import numpy as np
import pytest

import lightwell as lw
from lightwell import nn
from lightwell.func import functional_call, grad, grad_and_value, jacrev, stack_module_state, vjp, vmap
from lightwell.utils import _pytree as pytree


def close(a, b, rtol=1e-5, atol=1e-6):
    assert tuple(a.shape) == tuple(b.shape)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol)


# ---- dims and trees -------------------------------------------------------------------------------------------------


def test_dims_and_trees():
    x, y = lw.randn(3, 4), lw.randn(4, 5)
    f = lambda d, p: {"sum": d["x"].sum() + p[0], "all": [d["x"] * p[1]]}
    out = vmap(f, in_dims=({"x": 1}, (None, 0)), out_dims={"sum": 0, "all": [-1]})({"x": x}, (lw.tensor(2.0), y[:, 0]))
    close(out["sum"], x.sum(0) + 2)
    close(out["all"][0], x * y[:, 0])
    close(vmap(lambda a, b: a @ b, in_dims=(0, None))(x, y), x @ y)
    close(vmap(lambda a: lw.ones(2))(x), lw.ones(3, 2))
    made = vmap(lambda a: (a, 7), out_dims=(0, None))(x)
    assert made[1] == 7
    assert vmap(lambda a: a * 2)(lw.empty(0, 3)).shape == (0, 3)
    assert lw.vmap is vmap


def test_kwargs_are_not_mapped():
    x = lw.randn(3, 2)
    close(vmap(lambda a, b=None: a * b)(x, b=lw.tensor([1.0, 2.0])), x * lw.tensor([1.0, 2.0]))


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (lambda x: vmap(lambda a: a, in_dims=5)(x), ValueError, "in_dim"),
        (lambda x: vmap(lambda a: a, in_dims=(0, 0))(x), ValueError, "not compatible with the structure"),
        (lambda x: vmap(lambda a, b: a, in_dims=(0, 0))(x, lw.ones(4)), ValueError, "same size"),
        (lambda x: vmap(lambda a: a, in_dims=None)(x), ValueError, "expected `in_dims`"),
        (lambda x: vmap(lambda a: a, in_dims=(None,))(x), ValueError, "at least one Tensor"),
        (lambda x: vmap(lambda a: a)(), ValueError, "got no inputs"),
        (lambda x: vmap(lambda a: a)(3), ValueError, "non-Tensor"),
        (lambda x: vmap(lambda a: 3)(x), ValueError, "must only return Tensors"),
        (lambda x: vmap(lambda a: a, out_dims=None)(x), ValueError, "can not return a BatchedTensor"),
        (lambda x: vmap(lambda a: a, out_dims=5)(x), IndexError, "Dimension out of range"),
        (lambda x: vmap(lambda a: (a, [a]), out_dims=(0,))(x), ValueError, "out_dims is not compatible"),
        (lambda x: vmap(lambda a: a, chunk_size=0)(x), ValueError, "chunk_size"),
        (lambda x: vmap(lambda a: a, randomness="x"), RuntimeError, "randomness"),
        (lambda x: vmap(lambda a: a.sum().item())(x), RuntimeError, r"\.item\(\)"),
        (lambda x: vmap(lambda a: a.tolist())(x), RuntimeError, "tolist"),
        (lambda x: vmap(lambda a: lw.tensor(a.numpy()))(x), RuntimeError, "numpy"),
        (lambda x: vmap(lambda a: a if a.sum() > 0 else -a)(x), RuntimeError, "control flow"),
        (lambda x: vmap(lambda a: lw.ones(int(a[0])))(x), RuntimeError, r"int\(\)"),
        (lambda x: vmap(lambda a: a.nonzero())(x), RuntimeError, "vmap"),
        (lambda x: vmap(lambda a: a[a > 0])(x), RuntimeError, "dynamic shape"),
        (lambda x: vmap(lambda a: lw.masked_select(a, a > 0))(x), RuntimeError, "dynamic shape"),
        (lambda x: vmap(lambda a: lw.ones(2).add_(a))(x), RuntimeError, "no room for the batch"),
        (lambda x: vmap(lambda a: lw.ones(2).copy_(a))(x), RuntimeError, "no room for the batch"),
        (lambda x: vmap(lambda a: _write(a))(x), RuntimeError, "no room for the batch"),
        (lambda x: vmap(lambda a: a + lw.rand(2))(x), RuntimeError, "randomness"),
        (lambda x: vmap(lambda a: lw.dropout(a, 0.5, True))(x), RuntimeError, "randomness"),
        (lambda x: vmap(lambda a: lw.bernoulli(a), randomness="same")(x.sigmoid()), RuntimeError, "same randomness"),
        (lambda x: vmap(lambda a: lw.empty(2).uniform_(), randomness="different")(x), RuntimeError, "inplace randomness"),
    ],
)
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text):
        call(lw.randn(3, 2))


def _write(a):
    t = lw.zeros(2)
    t[0] = a[0]
    return t


def test_level_ends_cleanly_after_an_error():
    from lightwell.ops import op

    with pytest.raises(ZeroDivisionError):
        vmap(lambda a: 1 / 0)(lw.randn(3))
    assert op.active == 0
    close(vmap(lambda a: a + 1)(lw.zeros(3)), lw.ones(3))


def test_an_index_of_its_own_for_each():
    x, i = lw.randn(2, 3, 4), lw.tensor([1, 0])
    for f in (lambda a, k: a[k], lambda a, k: a[1:][k, :2], lambda a, k: a[:, k], lambda a, k: a[k, k], lambda a, k: a[..., k, None]):
        close(vmap(f)(x, i), lw.stack([f(a, k) for a, k in zip(x, i)]))
    close(vmap(lambda k: lw.arange(5.0)[k])(i), lw.tensor([1.0, 0.0]))


# ---- writing in place -----------------------------------------------------------------------------------------------


def test_writes_reach_the_mapped_tensor_and_its_views():
    x = lw.zeros(3, 4)

    def f(a):
        a[1] = 5
        a[2:] += lw.tensor([1.0, 2.0])
        b = a.view(2, 2)
        b[0, 0].fill_(-1)
        a.mul_(2)
        return a.clone()

    y = vmap(f)(x)
    close(y, lw.tensor([[-2.0, 10, 2, 4]]).expand(3, 4))
    close(x, y)


def test_writes_with_index_tensors_and_masks():
    x, i = lw.randn(3, 4), lw.tensor([0, 3, 1])

    def f(a, k):
        b = a.clone()
        b[k] = 9.0
        b[b < 0] = 0.0
        b[lw.tensor([1, 2])] *= 2
        return b, a.index_fill(0, k.unsqueeze(0), 1.0), a.masked_fill(a > 0, 2.0), a.scatter(0, k.unsqueeze(0), 4.0)

    for got, rows in zip(vmap(f)(x, i), zip(*[f(a, k) for a, k in zip(x, i)])):
        close(got, lw.stack(rows))


def test_gradients_through_writes():
    x = lw.randn(3, 4, dtype=lw.float64, requires_grad=True)

    def f(a):
        b = a * 1
        b[0] = a[1] * a[2]
        b.exp_()
        return (b * a).sum()

    vmap(f)(x).sum().backward()
    g = x.grad.clone()
    x.grad = None
    sum(f(a) for a in x).backward()
    close(g, x.grad)
    close(vmap(grad(f))(x.detach()), g)


# ---- randomness -----------------------------------------------------------------------------------------------------


def test_randomness():
    x = lw.ones(3, 4)
    same = vmap(lambda a: a * lw.rand(4), randomness="same")(x)
    close(same[0], same[1])
    different = vmap(lambda a: a * lw.randn(4), randomness="different")(x)
    assert (different[0] != different[1]).all()
    lw.manual_seed(3)
    a = vmap(lambda a: lw.rand_like(a) + lw.randint(0, 9, (4,)) + lw.normal(0.0, 1.0, (4,)), randomness="different")(x)
    assert a.shape == (3, 4) and len(a.unique()) == 12
    kept = vmap(lambda a: nn.functional.dropout(a, 0.5), randomness="different")(lw.ones(3, 1000))
    assert set(kept.unique().tolist()) == {0.0, 2.0} and 0.4 < (kept > 0).float().mean() < 0.6
    assert vmap(lambda a: lw.multinomial(a, 2), randomness="different")(x).shape == (3, 2)
    assert len(vmap(lambda a: a * lw.randperm(4), randomness="different")(x)[:, 0].shape) == 1
    close(vmap(lambda a: nn.functional.dropout(a, 0.5, training=False))(x), x)


@pytest.mark.parametrize("call", ["rand", "randn", "bernoulli", "dropout", "randint", "normal_"])
def test_draws_are_pytorchs(call):
    torch = pytest.importorskip("torch")
    calls = {
        "rand": lambda m, a: a * m.rand(5),
        "randn": lambda m, a: a * m.randn(20),
        "bernoulli": lambda m, a: m.bernoulli(a.sigmoid()),
        "dropout": lambda m, a: m.nn.functional.dropout(a, 0.3),
        "randint": lambda m, a: a * m.randint(0, 50, (5,)),
        "normal_": lambda m, a: m.empty_like(a).normal_(),
    }
    n = 20 if call == "randn" else 5
    x = np.ones((3, n), np.float32)
    made = []
    for m in (lw, torch):
        m.manual_seed(11)
        made.append(m.vmap(lambda a: calls[call](m, a), randomness="different")(m.from_numpy(x.copy())).numpy())
    np.testing.assert_allclose(*made, rtol=1e-6, atol=1e-7)


# ---- networks -------------------------------------------------------------------------------------------------------

NETS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)), (6,)),
    "conv": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, groups=2), nn.AvgPool2d(2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
        ),
        (2, 8, 8),
    ),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose1d(2, 3, 2, 2), nn.InstanceNorm1d(3, affine=True), nn.Flatten(), nn.Linear(24, 3)), (2, 4)),
    "attention": (lambda: nn.Sequential(nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True), nn.Flatten(), nn.Linear(24, 3)), (4, 6)),
    "recurrent": (lambda: Last(nn.LSTM(6, 3, batch_first=True)), (4, 6)),
    "gru cell": (lambda: nn.GRUCell(6, 3), (6,)),
}  # fmt: skip


class Last(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)[0][:, -1]


@pytest.mark.parametrize("name", NETS)
def test_per_sample_gradients_and_ensembles(name):
    lw.manual_seed(0)
    make, shape = NETS[name]
    net = make()
    x, y = lw.randn(4, *shape), lw.tensor([0, 2, 1, 2])
    params = {k: v.detach() for k, v in net.named_parameters()}

    def loss(p, a, t):
        return nn.functional.cross_entropy(functional_call(net, p, (a.unsqueeze(0),)), t.unsqueeze(0))

    g = vmap(grad(loss), in_dims=(None, 0, 0))(params, x, y)
    for i in range(4):
        net.zero_grad()
        nn.functional.cross_entropy(net(x[i : i + 1]), y[i : i + 1]).backward()
        for k, p in net.named_parameters():
            close(g[k][i], p.grad, 1e-4, 1e-5)
    nets = [make() for _ in range(3)]
    p, b = stack_module_state(nets)
    out = vmap(lambda p, b, x: functional_call(nets[0], (p, b), (x,)), in_dims=(0, 0, None))(p, b, x)
    close(out, lw.stack([n(x) for n in nets]), 1e-4, 1e-5)
    out.square().sum().backward()
    for k, v in p.items():
        for i, n in enumerate(nets):
            n.zero_grad()
            n(x).square().sum().backward()
            close(v.grad[i], dict(n.named_parameters())[k].grad, 1e-3, 1e-4)


def test_embeddings_and_losses():
    w, i, t = lw.randn(3, 7, 4), lw.randint(0, 7, (3, 5)), lw.randint(0, 4, (3, 5))

    def f(w, i, t):
        e = nn.functional.embedding(i, w)
        return nn.functional.cross_entropy(e, t), nn.functional.nll_loss(e.log_softmax(1), t), nn.functional.one_hot(t, 4), e[i % 5, t]

    for dims in ((0, 0, 0), (None, 0, 0), (0, None, 0), (0, 0, None), (0, None, None)):
        pick = lambda n, v, d: v[n] if d == 0 else v[0]
        args = [v if d == 0 else v[0] for v, d in zip((w, i, t), dims)]
        rows = [f(*[pick(n, v, d) for v, d in zip((w, i, t), dims)]) for n in range(3)]
        for got, column in zip(vmap(f, in_dims=dims)(*args), zip(*rows)):
            if got.dim() == column[0].dim() + 1:
                close(got, lw.stack(column))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(), (5,), (5, 2)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_class_losses(reduction, shape, smoothing):
    x = lw.randn(3, *((shape[0], 4, *shape[1:]) if shape else (4,)), dtype=lw.float64)
    t, w = lw.randint(0, 4, (3, *shape)), lw.rand(4, dtype=lw.float64)
    options = dict(reduction=reduction, ignore_index=-100 if not shape else 2, weight=w)

    def f(a, t):
        ce = nn.functional.cross_entropy(a, t, label_smoothing=smoothing, **options)
        return ce, nn.functional.nll_loss(a, t, **options), nn.functional.cross_entropy(a, t)

    for dims in ((0, 0), (0, None), (None, 0)):
        args = [v if d == 0 else v[0] for v, d in zip((x, t), dims)]
        rows = [f(*[v[n] if d == 0 else v[0] for v, d in zip((x, t), dims)]) for n in range(3)]
        for got, column in zip(vmap(f, in_dims=dims)(*args), zip(*rows)):
            np.testing.assert_allclose(got.numpy(), lw.stack(column).numpy(), rtol=1e-9)
    g = vmap(grad(lambda a, t: f(a, t)[0].sum()))(x, t)
    np.testing.assert_allclose(g.numpy(), lw.stack([grad(lambda a: f(a, t[n])[0].sum())(x[n]) for n in range(3)]).numpy(), rtol=1e-9)
    deep = vmap(vmap(f))(x[None], t[None])
    close(deep[0][0], lw.stack([f(a, b)[0] for a, b in zip(x, t)]))


def test_tables_of_their_own():
    i, w = lw.randint(0, 5, (2, 3, 4)), lw.randn(2, 3, 5, 2)
    close(
        vmap(vmap(nn.functional.embedding))(i, w),
        lw.stack([lw.stack([nn.functional.embedding(a, b) for a, b in zip(*p)]) for p in zip(i, w)]),
    )
    with pytest.raises(IndexError, match="out of range"):
        vmap(nn.functional.embedding)(i[0] + 5, w[0])


def test_batch_norm():
    x = lw.randn(3, 6, 4)
    net = nn.BatchNorm1d(4)
    with pytest.raises(RuntimeError, match="vmap"):
        vmap(net)(x)
    net.eval()
    close(vmap(net)(x), net(x.reshape(18, 4)).reshape(3, 6, 4))
    free = nn.BatchNorm1d(4, track_running_stats=False)
    close(vmap(free)(x), lw.stack([free(a) for a in x]))
    fixed = lw.func.replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(4)))
    close(vmap(fixed)(x), lw.stack([fixed(a) for a in x]))


# ---- autograd within, custom functions ------------------------------------------------------------------------------


def test_autograd_grad_under_vmap():
    x = lw.randn(4, dtype=lw.float64, requires_grad=True)
    y = x.sin() * x.sum()
    rows = vmap(lambda v: lw.autograd.grad(y, x, v, retain_graph=True)[0])(lw.eye(4, dtype=lw.float64))
    close(rows, jacrev(lambda x: x.sin() * x.sum())(x.detach()))
    w = lw.randn(4, dtype=lw.float64, requires_grad=True)
    data = lw.randn(3, 4, dtype=lw.float64)
    close(vmap(lambda a: lw.autograd.grad((a * w).sum().sin(), w)[0])(data), data * (data @ w).cos().unsqueeze(1))


def test_custom_functions():
    class Cube(lw.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x**3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx, g):
            return g * 30 * ctx.saved_tensors[0] ** 2  # ten times too much: to be seen

    class Ruled(lw.autograd.Function):
        @staticmethod
        def forward(x, k):
            return x * k

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.k = inputs[1]

        @staticmethod
        def backward(ctx, g):
            return g * ctx.k, None

        @staticmethod
        def vmap(info, in_dims, x, k):
            assert info.batch_size == 3 and in_dims == (0, None)
            return Ruled.apply(x, k) + 100, 0

    x = lw.randn(3, 2)
    close(vmap(Cube.apply)(x), x**3)
    close(vmap(grad(lambda a: Cube.apply(a).sum()))(x), 30 * x**2)
    close(grad(lambda a: vmap(Cube.apply)(a).sum())(x), 30 * x**2)
    close(vmap(lambda a: Ruled.apply(a, 2))(x), x * 2 + 100)


# ---- the other transforms -------------------------------------------------------------------------------------------


def test_aux_argnums_and_trees():
    f = lambda a, d: ((a * d["w"]).sum() ** 2, {"aux": a + 1})
    a, d = lw.tensor([1.0, 2.0]), {"w": lw.tensor([3.0, 4.0])}
    (ga, gd), (value, aux) = grad_and_value(f, (0, 1), has_aux=True)(a, d)
    close(ga, 22 * d["w"])
    close(gd["w"], 22 * a)
    assert value == 121 and not aux["aux"].requires_grad
    jac = jacrev(lambda a, d: {"y": a * d["w"]}, (0, 1))(a, d)
    close(jac["y"][0], lw.diag(d["w"]))
    close(jac["y"][1]["w"], lw.diag(a))
    y, back, more = vjp(lambda a: (a * 2, "aux"), a, has_aux=True)
    assert more == "aux" and not y.requires_grad
    close(back(lw.ones(2))[0], lw.full((2,), 2.0))


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda f, x: f.grad(lambda a: a)(x), "scalar Tensor"),
        (lambda f, x: f.grad(lambda a: 3)(x), "return a Tensor"),
        (lambda f, x: f.grad(lambda a: a.sum())(lw.arange(3)), "floating point"),
        (lambda f, x: f.grad(lambda a: a.sum(), argnums=3)(x), "argnum=3"),
        (lambda f, x: f.grad(lambda a: a.sum(), argnums="a")(x), "argnums"),
        (lambda f, x: f.grad(lambda a: a.sum(), has_aux=True)(x), r"\(output, aux\)"),
        (lambda f, x: f.vjp(lambda a: a, x)[1](lw.ones(2)), "Mismatch in shape"),
        (lambda f, x: f.vjp(lambda a: 3, x), "only tensors"),
        (lambda f, x: f.vjp(lambda a: (a, a), x)[1](x), "structure of cotangents"),
        (lambda f, x: f.jvp(lambda a: a, x, x), "primals to be a tuple"),
        (lambda f, x: f.jvp(lambda a: a, (x,), (x, x)), "same python structure"),
        (lambda f, x: f.jvp(lambda a: a, (x,), (lw.ones(1),)), "different size"),
    ],
)
def test_errors_of_the_transforms(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(lw.func, lw.randn(3))


def test_outer_gradients_see_through():
    w = lw.randn(3, requires_grad=True)
    x = lw.randn(3)
    g = grad(lambda a: (a * w).sum() ** 2)(x)
    assert g.requires_grad
    (gw,) = lw.autograd.grad(g.sum(), w)
    h = w.detach().clone().requires_grad_()
    (expected,) = lw.autograd.grad((2 * (x * h).sum() * h).sum(), h)
    close(gw, expected)
    assert not grad(lambda a: (a * 2).sum())(x).requires_grad
    with lw.no_grad():
        assert not grad(lambda a: (a * w).sum() ** 2)(x).requires_grad
    assert grad(lambda a: lw.ones(()))(x).equal(lw.zeros(3))


# ---- modules as functions -------------------------------------------------------------------------------------------


def test_functional_call():
    net = nn.Linear(2, 1)
    kept = net.weight
    x = lw.randn(3, 2)
    close(functional_call(net, {"weight": lw.ones(1, 2), "bias": lw.zeros(1)}, x), x.sum(1, keepdim=True))
    close(functional_call(net, ({"weight": lw.ones(1, 2)}, {"bias": lw.zeros(1)}), (x,)), x.sum(1, keepdim=True))
    assert net.weight is kept
    with pytest.raises(RuntimeError, match="Missing key"):
        functional_call(net, {"weight": lw.ones(1, 2)}, x, strict=True)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        functional_call(net, {"weight": lw.ones(1, 2), "bias": lw.zeros(1), "z": x}, x, strict=True)
    with pytest.raises(ValueError, match="multiple dictionaries"):
        functional_call(net, ({"weight": x}, {"weight": x}), x)
    tied = nn.Module()
    tied.a = nn.Linear(2, 2, bias=False)
    tied.b = nn.Linear(2, 2, bias=False)
    tied.b.weight = tied.a.weight
    tied.forward = lambda x: tied.b(tied.a(x))
    close(functional_call(tied, {"a.weight": 2 * lw.eye(2)}, x), 4 * x)
    with pytest.raises(ValueError, match="tied"):
        functional_call(tied, {"a.weight": lw.eye(2), "b.weight": lw.eye(2)}, x)
    bn = nn.BatchNorm1d(2)
    buffers = {"running_mean": lw.zeros(2), "running_var": lw.ones(2), "num_batches_tracked": lw.tensor(0)}
    functional_call(bn, buffers, x)
    assert (bn.running_mean == 0).all() and (buffers["running_mean"] != 0).all()
    with pytest.raises(RuntimeError, match="same class"):
        stack_module_state([nn.Linear(1, 1), nn.ReLU()])
    with pytest.raises(RuntimeError, match="at least one"):
        stack_module_state([])


def test_rearrange_and_unwrap():
    torch = pytest.importorskip("torch")
    import torch.func

    x = np.arange(48.0).reshape(2, 6, 4)
    for pattern, lengths in (
        ("b (h w) c -> b c h w", {"h": 2}), ("a b c -> c (b a)", {}), ("... c -> c ...", {}), ("a ... -> ... a", {}), ("a b c -> a 1 (b c)", {}),
        ("a b (c d) -> (a c) (d b)", {"d": 2}), ("a b c -> (a b c)", {}), ("a b c -> a b c ()", {}),
    ):  # fmt: skip
        ours, theirs = (m.func.rearrange(m.from_numpy(x), pattern, **lengths) for m in (lw, torch))
        close(ours, theirs)
    for bad, lengths in (("a b -> b a", {}), ("a b c -> a b", {}), ("a (b b) c -> a b c", {}), ("a (b d) c -> a b d c", {}), ("a b c", {})):
        with pytest.raises(ValueError, match="rearrange"):
            lw.func.rearrange(lw.from_numpy(x), bad, **lengths)
    close(vmap(lambda a: lw.func.rearrange(a, "a b -> b a"))(lw.from_numpy(x)), lw.from_numpy(x).transpose(1, 2))
    seen = []
    vmap(lambda a: seen.append(lw.func.debug_unwrap(a)) or a)(lw.arange(3))
    assert seen[0].tolist() == [0, 1, 2]


# ---- pytrees --------------------------------------------------------------------------------------------------------


def test_pytrees():
    Point = collections.namedtuple("Point", "x y")
    tree = {"b": [1, (2, None)], "a": Point(3, collections.OrderedDict(z=4)), "d": collections.deque([5], 3)}
    leaves, spec = pytree.tree_flatten(tree)
    assert leaves == [1, 2, None, 3, 4, 5] and pytree.tree_unflatten(leaves, spec) == tree and spec.num_leaves == 6
    assert pytree.tree_map(lambda a, b: (a or 0) + (b or 0), tree, tree)["a"] == Point(6, {"z": 8})
    assert pytree.keystr(pytree.tree_leaves_with_path(tree)[3][0]) == "['a'].x"
    assert pytree.tree_map_only(int, lambda v: -v, [1, "s"]) == [-1, "s"]
    assert pytree.tree_all(lambda v: v != 9, tree) and not pytree.tree_any(lambda v: v == 9, tree)
    with pytest.raises(ValueError, match="length"):
        pytree.tree_unflatten([1], spec)
    with pytest.raises(ValueError, match="arity"):
        pytree.tree_map(lambda a, b: a, [1, 2], [1])

    class Box:
        def __init__(self, v):
            self.v = v

    pytree.register_pytree_node(Box, lambda b: ([b.v], None), lambda c, _: Box(*c))
    try:
        close(vmap(lambda b: b.v * 2)(Box(lw.ones(3))), lw.full((3,), 2.0))
        with pytest.raises(ValueError, match="already registered"):
            pytree.register_pytree_node(Box, None, None)
    finally:
        del pytree.SUPPORTED_NODES[Box]


@pytest.mark.parametrize("name", ["rand_like", "randn_like", "dropout", "alpha_dropout", "gumbel_softmax"])
def test_same_randomness_for_mapped_tensors_where_only_the_shape_counts(name):
    torch = pytest.importorskip("torch")
    found = []
    for m in (torch, lw):
        m.manual_seed(2)
        x = m.arange(12.0).reshape(3, 4)
        kind = {
            "dropout": lambda v: m.nn.functional.dropout(v, 0.5),
            "alpha_dropout": lambda v: m.nn.functional.alpha_dropout(v, 0.5, True),
        }
        f = kind.get(name) or getattr(m, name, None) or getattr(m.nn.functional, name)
        found += [m.vmap(f, randomness="same")(x).tolist(), m.rand(1).tolist()]
    assert np.allclose(found[0], found[2], atol=1e-6) and found[1] == found[3]
    if "like" in name:
        assert found[2][0] == found[2][1] == found[2][2]


def test_same_randomness_is_refused_where_the_values_count():
    with pytest.raises(RuntimeError, match="same randomness with a batched tensor"):
        lw.vmap(lw.bernoulli, randomness="same")(lw.full((3, 2), 0.5))
