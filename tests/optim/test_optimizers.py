"""Every optimizer, with many option sets, against PyTorch: parameters and state over ten steps, both dtypes, both directions."""

import copy
import warnings

import numpy as np
import pytest

import lightwell as lw
import lightwell.optim as O
from lightwell.tensor import wrap

torch = pytest.importorskip("torch")

CASES = [
    ("SGD", {}),
    ("SGD", dict(lr=0.1, momentum=0.9)),
    ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.1)),
    ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1)),
    ("SGD", dict(lr=0.1, maximize=True, weight_decay=0.01)),
    ("SGD", dict(lr=0.1, momentum=0.5, maximize=True)),
    ("Adagrad", dict(lr=0.1)),
    ("Adagrad", dict(lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, maximize=True)),
    ("RMSprop", {}),
    ("RMSprop", dict(alpha=0.9, momentum=0.8, weight_decay=0.1)),
    ("RMSprop", dict(alpha=0.9, centered=True, maximize=True)),
    ("RMSprop", dict(alpha=0.8, momentum=0.5, centered=True)),
    ("Adadelta", {}),
    ("Adadelta", dict(lr=0.5, rho=0.8, weight_decay=0.1, maximize=True)),
    ("Adam", {}),
    ("Adam", dict(lr=0.1, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1)),
    ("Adam", dict(lr=0.1, amsgrad=True, maximize=True)),
    ("Adam", dict(lr=0.1, betas=(0.3, 0.9), decoupled_weight_decay=True, weight_decay=0.1)),
    ("AdamW", dict(lr=0.1)),
    ("AdamW", dict(lr=0.1, amsgrad=True, weight_decay=0.3, maximize=True)),
    ("Adamax", {}),
    ("Adamax", dict(lr=0.1, weight_decay=0.1, maximize=True)),
    ("NAdam", {}),
    ("NAdam", dict(lr=0.1, weight_decay=0.1, maximize=True)),
    ("NAdam", dict(lr=0.1, weight_decay=0.1, decoupled_weight_decay=True, momentum_decay=0.1)),
    ("RAdam", {}),
    ("RAdam", dict(lr=0.1, weight_decay=0.1, maximize=True)),
    ("RAdam", dict(lr=0.1, weight_decay=0.1, decoupled_weight_decay=True, betas=(0.8, 0.9))),
    ("ASGD", {}),
    ("ASGD", dict(lr=0.1, lambd=0.1, alpha=0.5, t0=3, weight_decay=0.1, maximize=True)),
    ("Rprop", {}),
    ("Rprop", dict(lr=0.1, etas=(0.4, 1.3), step_sizes=(0.01, 0.12), maximize=True)),
    ("Adafactor", {}),
    ("Adafactor", dict(lr=0.5, beta2_decay=-0.5, eps=(1e-8, 1e-2), d=1.5, weight_decay=0.1, maximize=True)),
]
SHAPES = [(3, 4), (5,), (), (2, 3, 2), (170, 101), (2, 40000)]


def pair(name, options, dtype, shapes=SHAPES, seed=0):
    """The same parameters and optimizer in lightwell and in PyTorch."""
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal(s).astype(dtype) for s in shapes]
    ours = [wrap(np.array(v)).requires_grad_() for v in values]
    theirs = [torch.tensor(v, requires_grad=True) for v in values]
    return ours, getattr(O, name)(ours, **options), theirs, getattr(torch.optim, name)(theirs, **options), rng


def run(ours, opt, theirs, opt_t, rng, steps):
    for _ in range(steps):
        for p, q in zip(ours, theirs, strict=True):
            g = rng.standard_normal(q.shape).astype(p._a.dtype)
            if p._a.dtype.kind == "c":
                g = g + 1j * rng.standard_normal(q.shape).astype(p._a.real.dtype)
            p.grad, q.grad = wrap(np.array(g)), torch.tensor(g)
        opt.step()
        opt_t.step()


def difference(ours, theirs):
    return max(np.abs(p._a - q.detach().numpy()).max() for p, q in zip(ours, theirs, strict=True))


def to_torch(x):
    """Our state dict's tensors as PyTorch's, and back by `to_ours`."""
    if isinstance(x, lw.Tensor):
        return torch.tensor(x._a)
    if isinstance(x, dict):
        return {k: to_torch(v) for k, v in x.items()}
    return type(x)(map(to_torch, x)) if isinstance(x, (list, tuple)) else x


def to_ours(x):
    if isinstance(x, torch.Tensor):
        return wrap(np.array(x.detach().numpy()))
    if isinstance(x, dict):
        return {k: to_ours(v) for k, v in x.items()}
    return type(x)(map(to_ours, x)) if isinstance(x, (list, tuple)) else x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name,options", CASES, ids=lambda v: v if isinstance(v, str) else "-".join(v) or "default")
def test_ten_steps_and_state(name, options, dtype):
    ours, opt, theirs, opt_t, rng = pair(name, options, dtype)
    run(ours, opt, theirs, opt_t, rng, 10)
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    scale = max(1.0, max(float(q.detach().abs().max()) for q in theirs))
    # PyTorch adds the decay with a fused multiply-add: where it nearly cancels the gradient, dividing by √v enlarges the last bit.
    gaps = np.concatenate([np.abs(p._a - q.detach().numpy()).ravel() for p, q in zip(ours, theirs, strict=True)])
    assert np.quantile(gaps, 0.999) <= tolerance * scale and gaps.max() <= 30 * tolerance * scale
    mine, other = opt.state_dict(), opt_t.state_dict()
    assert mine["param_groups"] == other["param_groups"]
    assert list(mine["state"]) == list(other["state"])
    for i, entry in other["state"].items():
        assert list(mine["state"][i]) == list(entry)
        for key, value in entry.items():
            got = mine["state"][i][key]._a
            assert got.shape == tuple(value.shape) and got.dtype == value.numpy().dtype, key
            np.testing.assert_allclose(got, value.numpy(), rtol=30 * tolerance, atol=100 * tolerance)


@pytest.mark.parametrize("name,options", CASES, ids=lambda v: v if isinstance(v, str) else "-".join(v) or "default")
def test_checkpoints_both_ways(name, options):
    shapes = [(3, 4), (5,)]
    ours, opt, theirs, opt_t, rng = pair(name, options, "float64", shapes)
    run(ours, opt, theirs, opt_t, rng, 3)
    new_ours, new, new_theirs, new_t, _ = pair(name, {}, "float64", shapes)
    for p, q in zip(new_ours, theirs, strict=True):
        np.copyto(p._a, q.detach().numpy())
    for p, q in zip(new_theirs, ours, strict=True):
        p.data.copy_(torch.tensor(q._a))
    new.load_state_dict(to_ours(opt_t.state_dict()))
    new_t.load_state_dict(to_torch(opt.state_dict()))
    run(new_ours, new, new_theirs, new_t, rng, 3)
    assert difference(new_ours, new_theirs) <= 1e-12


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"])
def test_complex_parameters_step_as_pairs_of_reals(name):
    rng = np.random.default_rng(0)
    value = rng.standard_normal(6) + 1j * rng.standard_normal(6)
    ours, theirs = [wrap(value.copy()).requires_grad_()], [torch.tensor(value, requires_grad=True)]
    run(ours, getattr(O, name)(ours), theirs, getattr(torch.optim, name)(theirs), rng, 4)
    assert difference(ours, theirs) <= 1e-12


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adamax", "Adafactor"])
def test_float16_stays_near(name):
    rng = np.random.default_rng(0)
    value = rng.standard_normal(50).astype(np.float16)
    ours, theirs = [wrap(value.copy()).requires_grad_()], [torch.tensor(value, requires_grad=True)]
    options = {} if name == "Adafactor" else dict(lr=0.01)
    run(ours, getattr(O, name)(ours, **options), theirs, getattr(torch.optim, name)(theirs, **options), rng, 5)
    assert ours[0]._a.dtype == np.float16 and difference(ours, theirs) <= 0.02


def test_strided_parameters_and_gradients():
    rng = np.random.default_rng(0)
    value, grads = rng.standard_normal((300, 200)), rng.standard_normal((300, 200))
    plain, turned = wrap(value.copy()).requires_grad_(), wrap(value.T.copy().T).requires_grad_()
    for p, g in ((plain, grads), (turned, np.asfortranarray(grads))):
        p.grad = wrap(g)
        O.AdamW([p], lr=0.1).step()
    assert np.array_equal(plain._a, turned._a)
    assert turned._a.flags.f_contiguous


def test_groups_with_options_and_a_tensor_lr():
    ours, _, theirs, _, rng = pair("SGD", {}, "float64", [(3,), (2,)])
    opt = O.Adam([{"params": [ours[0]], "lr": 0.5}, {"params": ours[1]}], lr=wrap(np.array(0.1)))
    opt_t = torch.optim.Adam([{"params": [theirs[0]], "lr": 0.5}, {"params": theirs[1]}], lr=torch.tensor(0.1, dtype=torch.float64))
    run(ours, opt, theirs, opt_t, rng, 5)
    assert difference(ours, theirs) <= 1e-12


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("history", [2, 100])
def test_lbfgs_on_rosenbrock(search, history):
    """The closure's gradients are written by hand, so that only the method is compared."""
    start = np.array([-1.2, 1.0, 0.5, 2.0])

    def rosenbrock(x):
        a, b = x[1:] - x[:-1] ** 2, 1 - x[:-1]
        g = np.zeros_like(x)
        g[:-1] += -400 * a * x[:-1] - 2 * b
        g[1:] += 200 * a
        return float((100 * a**2 + b**2).sum()), g

    options = dict(lr=1 if search else 1e-3, max_iter=7, history_size=history, line_search_fn=search)
    p, q = wrap(start.copy()).requires_grad_(), torch.tensor(start, requires_grad=True)
    opt, opt_t = O.LBFGS([p], **options), torch.optim.LBFGS([q], **options)

    def ours():
        loss, g = rosenbrock(p._a)
        p.grad = wrap(g)
        return wrap(np.array(loss))

    def theirs():
        loss, g = rosenbrock(q.detach().numpy())
        q.grad = torch.tensor(g)
        return torch.tensor(loss, dtype=torch.float64)

    for _ in range(4):
        a, b = opt.step(ours), opt_t.step(theirs)
        assert abs(float(a) - float(b)) <= 1e-8 * max(1, abs(float(b)))
    np.testing.assert_allclose(p._a, q.detach().numpy(), rtol=1e-7, atol=1e-9)
    mine, other = opt.state_dict()["state"][0], opt_t.state_dict()["state"][0]
    assert list(mine) == list(other)
    assert (mine["func_evals"], mine["n_iter"]) == (other["func_evals"], other["n_iter"])
    new = O.LBFGS([p], **options)
    new.load_state_dict(to_ours(opt_t.state_dict()))
    new_t = torch.optim.LBFGS([q], **options)
    new_t.load_state_dict(to_torch(opt.state_dict()))
    new.step(ours), new_t.step(theirs)
    np.testing.assert_allclose(p._a, q.detach().numpy(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", "SGD Adagrad RMSprop Adadelta Adam AdamW Adamax NAdam RAdam ASGD Rprop LBFGS SparseAdam Adafactor".split())
def test_repr_defaults_and_copies(name):
    p, q = wrap(np.ones(2, np.float32)).requires_grad_(), torch.ones(2, requires_grad=True)
    opt, opt_t = getattr(O, name)([p]), getattr(torch.optim, name)([q])
    assert repr(opt) == repr(opt_t)
    assert opt.defaults == opt_t.defaults and list(opt.defaults) == list(opt_t.defaults)
    assert opt.param_groups[0].keys() == opt_t.param_groups[0].keys()
    again = copy.deepcopy(opt)
    assert repr(again) == repr(opt) and again.param_groups[0]["params"][0] is not p


def errors(o, T, P, sparse_ok=True):
    """(what to call) for a table of mistakes; `T` makes a tensor from a list."""
    leaf = lambda *v: P(list(v) or [1.0, 2.0])
    a = leaf()
    return {
        "empty": lambda: o.SGD([]),
        "one tensor": lambda: o.SGD(leaf()),
        "no tensors": lambda: o.SGD([1, 2]),
        "set": lambda: o.SGD([{"params": {a}}]),
        "twice": lambda: o.SGD([{"params": [a]}, {"params": [a]}]),
        "lr": lambda: o.SGD([a], lr=-1),
        "momentum": lambda: o.SGD([a], momentum=-1),
        "decay": lambda: o.SGD([a], weight_decay=-1),
        "nesterov": lambda: o.SGD([a], nesterov=True),
        "tensor lr": lambda: o.SGD([a], lr=T([0.1, 0.2])),
        "fused foreach": lambda: o.Adam([a], fused=True, foreach=True),
        "fused differentiable": lambda: o.Adam([a], fused=True, differentiable=True),
        "beta 0": lambda: o.Adam([a], betas=(1.0, 0.9)),
        "beta 1": lambda: o.AdamW([a], betas=(0.9, 1.5)),
        "eps": lambda: o.Adam([a], eps=-1),
        "foreach tensor lr": lambda: o.Adam([a], lr=T([0.1]), foreach=True),
        "one tensor beta": lambda: o.Adam([a], betas=(T([0.1]), 0.2)),
        "rho": lambda: o.Adadelta([a], rho=2),
        "alpha": lambda: o.RMSprop([a], alpha=-2),
        "accumulator": lambda: o.Adagrad([a], initial_accumulator_value=-0.1),
        "etas": lambda: o.Rprop([a], etas=(2, 3)),
        "momentum_decay": lambda: o.NAdam([a], momentum_decay=-1),
        "lbfgs groups": lambda: o.LBFGS([{"params": [a]}, {"params": [leaf()]}]),
        "d": lambda: o.Adafactor([a], d=0.5),
        "beta2_decay": lambda: o.Adafactor([a], beta2_decay=1),
        "sparse eps": lambda: o.SparseAdam([a], eps=0.0),
        "group no dict": lambda: o.SGD([a]).add_param_group(3),
        "no names": lambda: o.SGD([("a", a), leaf()]),
        "group without names": lambda: o.SGD([("a", a)]).add_param_group({"params": [leaf()]}),
        "groups differ": lambda: o.SGD([a]).load_state_dict(o.SGD([{"params": [leaf()]}, {"params": [leaf()]}]).state_dict()),
        "sizes differ": lambda: o.SGD([a]).load_state_dict(o.SGD([leaf(), leaf()]).state_dict()),
        "no groups in dict": lambda: o.SGD([a]).load_state_dict({}),
    }


def test_mistakes_raise_what_pytorch_raises():
    ours = errors(O, lambda v: wrap(np.array(v)), lambda v: wrap(np.array(v)).requires_grad_())
    theirs = errors(torch.optim, torch.tensor, lambda v: torch.tensor(v, requires_grad=True))
    for what, call in ours.items():
        with pytest.raises(Exception) as expected:
            theirs[what]()
        with pytest.raises(Exception) as got:
            call()
        assert type(got.value).__name__ == type(expected.value).__name__, (what, got.value)
        assert len(str(got.value)) >= min(12, len(str(expected.value))), what


def test_required_options_and_duplicates():
    from lightwell.optim.optimizer import required

    p = wrap(np.ones(2)).requires_grad_()
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        O.Optimizer([p], dict(lr=required))
    with pytest.warns(UserWarning, match="duplicate parameters"):
        O.SGD([p, p])


def test_a_refused_checkpoint_changes_nothing():
    p = wrap(np.ones(2)).requires_grad_()
    p.grad = wrap(np.ones(2))
    opt = O.SGD([p], lr=0.1, momentum=0.9)
    opt.step()
    before = repr(opt), opt.state[p]["momentum_buffer"]._a.copy()
    other = O.SGD([wrap(np.ones(2)).requires_grad_(), wrap(np.ones(3)).requires_grad_()], lr=9.0)
    with pytest.raises(ValueError, match="size of optimizer's group"):
        opt.load_state_dict(other.state_dict())
    assert repr(opt) == before[0] and np.array_equal(opt.state[p]["momentum_buffer"]._a, before[1])


def test_hooks_run_in_order_and_can_be_removed():
    p = wrap(np.ones(1)).requires_grad_()
    p.grad = wrap(np.ones(1))
    opt, seen = O.SGD([p], lr=1.0), []
    first = opt.register_step_pre_hook(lambda o, a, k: seen.append("pre"))
    opt.register_step_post_hook(lambda o, a, k: seen.append(("post", float(p._a[0]))))
    everywhere = O.optimizer.register_optimizer_step_post_hook(lambda o, a, k: seen.append("all"))
    opt.step()
    first.remove()
    everywhere.remove()
    opt.step()
    assert seen == ["pre", ("post", 0.0), "all", ("post", -1.0)]
    opt.register_state_dict_post_hook(lambda o, d: {**d, "note": 1})
    opt.register_state_dict_post_hook(lambda o, d: {**d, "note": 2}, prepend=True)
    assert opt.state_dict()["note"] == 1
    opt.register_load_state_dict_pre_hook(lambda o, d: {**d, "param_groups": [{**d["param_groups"][0], "lr": 7}]})
    opt.load_state_dict(opt.state_dict())
    assert opt.param_groups[0]["lr"] == 7


def test_step_hooks_see_the_arguments_with_the_optimizer_first():
    p = wrap(np.ones(1)).requires_grad_()
    opt, seen = O.SGD([p], lr=1.0), []
    opt.register_step_pre_hook(lambda o, args, kwargs: ((args[0],), {"closure": lambda: 5}))
    opt.register_step_post_hook(lambda o, args, kwargs: seen.append((args[0] is o, len(args), list(kwargs))))
    assert opt.step(None) == 5 and seen == [(True, 1, ["closure"])]


def test_old_checkpoints_get_missing_options_and_tensor_steps():
    p = wrap(np.ones(1)).requires_grad_()
    opt = O.Adam([p])
    state = {"step": 3, "exp_avg": wrap(np.ones(1)), "exp_avg_sq": wrap(np.ones(1))}
    opt.load_state_dict(
        {"state": {0: state}, "param_groups": [{"params": [0], "lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0}]}
    )
    assert opt.param_groups[0]["amsgrad"] is False and opt.state[p]["step"]._a.dtype == np.float32
    p.grad = wrap(np.ones(1))
    opt.step()
    assert opt.state[p]["step"]._a == 4


def test_closure_and_zero_grad():
    p = wrap(np.ones(1)).requires_grad_()
    p.grad = wrap(np.ones(1))
    opt = O.SGD([p], lr=0.5)
    assert opt.step(lambda: (lw.is_grad_enabled(), 5.0)) == (True, 5.0)
    held = p.grad
    opt.zero_grad(set_to_none=False)
    assert p.grad is held and held._a[0] == 0
    opt.zero_grad()
    assert p.grad is None
    version = p._version
    opt.step()
    assert p._version == version and p._a[0] == 0.5


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"])
def test_differentiable_steps_carry_gradients(name):
    """d(loss after two steps)/d(start), through the optimizer, equals PyTorch's.

    PyTorch refuses a second step of Adamax and Rprop, and takes bias corrections in float32.
    """
    options = dict(differentiable=True, lr=0.1)
    results = []
    for lib in (lw, torch):
        x = lib.tensor([0.5, -1.5, 2.0], dtype=lib.float64, requires_grad=True)
        p = x.clone()
        opt = getattr(lib.optim, name)([p], **options)
        for _ in range(1 if name in ("Adamax", "Rprop") else 2):
            p.grad = x * x.abs() + 0.3 * x + 1.0
            opt.step()
        (p**3).sum().backward()
        results.append((p.detach().numpy(), x.grad.numpy()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-4)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-4)


def test_no_warning_escapes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours, opt, theirs, opt_t, rng = pair("RMSprop", dict(centered=True), "float32")
        run(ours, opt, theirs, opt_t, rng, 2)
