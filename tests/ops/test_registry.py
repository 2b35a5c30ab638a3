"""The registry walk: every record, on its samples, against PyTorch (where installed), differences of values, and itself.

Values in float64, float32, half precision and integers; empty, 0-dim and non-contiguous inputs; first and second
derivatives in float64; inputs unchanged.
"""

import collections
import importlib
import pkgutil
import warnings

import numpy as np
import pytest

import lightwell as lw
import lightwell.ops
from lightwell.autograd.gradcheck import gradcheck, gradgradcheck
from lightwell.ops.op import registry
from tests.ops.samples import every

try:
    import torch
except ImportError:
    torch = None

for _module in pkgutil.iter_modules(lightwell.ops.__path__):  # some register their records at their first use
    importlib.import_module(f"lightwell.ops.{_module.name}")

PENDING = frozenset()  # records that have no sample yet: to be kept empty

SAMPLES = every()
COUNT = collections.Counter()
IDS = []
for _s in SAMPLES:
    COUNT[_s.name] += 1
    IDS.append(f"{_s.name}-{COUNT[_s.name]}")
each = pytest.mark.parametrize("case", SAMPLES, ids=IDS)

TOLERANCE = {"float64": (1e-9, 1e-10), "float32": (2e-5, 2e-6), "float16": (4e-3, 4e-3), "bfloat16": (4e-2, 4e-2)}
CHANGED = ("float32", "float16", "bfloat16", "int64", "uint8", "bool")


def arrays_of(case, dtype=None, shape=None):
    """The drawn inputs, with float64 ones in another dtype or shape."""
    return [
        spec.array(i, dtype if spec.dtype == "float64" else None, None if shape is None else shape(spec.shape))
        for i, spec in enumerate(case.specs)
    ]


def ours_of(arrays):
    return [lw.from_numpy(a.copy(order="K")) if a.dtype.num < 256 else half(a) for a in arrays]


def half(array):
    """A bfloat16 tensor of ours, with the array's layout."""
    t = lw.from_numpy(np.empty_like(array, dtype=np.float32)).to(lw.bfloat16)
    t.copy_(lw.from_numpy(array.astype(np.float32)))
    return t


def theirs_of(arrays):
    return [torch.from_numpy(a.copy(order="K")) if a.dtype.num < 256 else torch.from_numpy(a.astype(np.float32)).bfloat16() for a in arrays]


def flat(result):
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in flat(r)]
    return [result]


def numbers(t):
    """A result as an array (bfloat16 as float32), or as it is."""
    if not hasattr(t, "detach"):
        return np.asarray(t)
    t = t.detach()
    if str(t.dtype) == "torch.bfloat16":
        t = t.float()
    if torch is not None and isinstance(t, torch.Tensor):
        t = t.resolve_conj()
    return t.numpy()


def run(f, case, tensors):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return flat(case.call(f, *tensors)), None
        except Exception as error:
            return None, error


def agree(ours, theirs, tolerance, what, loose=False):
    """Our results, or our exception, against PyTorch's; `loose`: any exception will do where PyTorch raises one."""
    (out, error), (expected, their_error) = ours, theirs
    if their_error is not None:
        unsupported = (
            isinstance(their_error, NotImplementedError)
            or "not implemented for" in str(their_error)
            or any(text in str(their_error) for text in ("not supported", "can't be cast to the desired output type"))
        )
        if unsupported:
            return  # more dtypes than PyTorch has is no fault
        assert error is not None, f"{what}: PyTorch raises {type(their_error).__name__}: {str(their_error)[:200]}; we return {out}"
        kinds = (IndexError, RuntimeError, ValueError, TypeError) if loose else type(their_error)
        assert isinstance(error, kinds) or isinstance(their_error, type(error)), f"{what}: {error!r} where PyTorch raises {their_error!r}"
        return
    if error is not None:
        raise AssertionError(f"{what}: PyTorch computes it; we raise {type(error).__name__}: {error}") from error
    assert len(out) == len(expected), what
    for a, b in zip(out, expected):
        if hasattr(b, "dtype"):
            assert str(a.dtype) == str(b.dtype), f"{what}: dtype {a.dtype}, PyTorch's {b.dtype}"
            assert tuple(a.shape) == tuple(b.shape), f"{what}: shape {tuple(a.shape)}, PyTorch's {tuple(b.shape)}"
        np.testing.assert_allclose(numbers(a), numbers(b), *tolerance, err_msg=what)


def test_every_record_has_a_sample():
    sampled = {s.name for s in SAMPLES}
    assert not sampled - set(registry), f"samples of records that don't exist: {sorted(sampled - set(registry))}"
    assert not set(registry) - sampled - PENDING, f"records without a sample: {sorted(set(registry) - sampled - PENDING)}"
    assert not PENDING & sampled, f"no longer pending: {sorted(PENDING & sampled)}"


@each
def test_sample_runs_its_record(case):
    seen = set()

    def note(rec, call, args):
        seen.add(rec.name)
        return call(*args)

    from lightwell.ops.op import interpose

    tensors = ours_of(arrays_of(case))
    for t, spec in zip(tensors, case.specs):
        t.requires_grad_(spec.grad and not case.nondiff)
    with interpose(note):
        outs, error = run(lw, case, tensors)
        assert error is None, error
        total = sum((o * o).sum() for o in outs if hasattr(o, "requires_grad") and o.requires_grad and not o.is_complex())
        if hasattr(total, "backward"):
            names = names_behind(total)
            wanted = [t for t in tensors if t.requires_grad]
            first = lw.autograd.grad(total, wanted, create_graph=True, allow_unused=True)
            again = sum((g * g).sum() for g in first if g is not None and g.requires_grad and not g.is_complex())
            if hasattr(again, "backward"):  # some records are the derivative of another's derivative
                names |= names_behind(again)
                lw.autograd.grad(again, wanted, create_graph=True, allow_unused=True)
            seen |= names
    assert case.name in seen, f"the sample of {case.name} ran {sorted(seen)}"


def names_behind(t):
    """The records of all nodes behind a tensor: what was written in place by hand is seen there only."""
    names, stack, seen = set(), [t.grad_fn], set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.record is not None:
            names.add(node.record.name)
        if hasattr(node, "parts"):
            names.add(node.parts.name)
        stack.extend(n for n, _ in node.next_functions)
    return names


@each
def test_values(case):
    arrays = arrays_of(case)
    tensors = ours_of(arrays)
    before = [t._a.copy() for t in tensors]
    out, error = run(lw, case, tensors)
    if error is not None:
        raise error
    if torch is not None:
        agree((out, None), run(torch, case, theirs_of(arrays)), TOLERANCE["float64"], "float64")
    for t, b in zip(tensors, before):
        np.testing.assert_array_equal(t._a, b, err_msg="the call changed its input")
    if not case.vary:
        return
    # the same values, laid out with gaps
    gaps = []
    for a in arrays:
        wide = np.repeat(a[..., None], 2, axis=-1) if a.ndim else a
        t = ours_of([wide])[0]
        gaps.append(t[..., 0] if a.ndim else t)
    again, error = run(lw, case, gaps)
    assert error is None, error
    for a, b in zip(out, again):
        np.testing.assert_allclose(numbers(a), numbers(b), 1e-12, 1e-12, err_msg="a non-contiguous input")


@each
def test_dtypes(case):
    if not case.dtypes or not any(s.dtype == "float64" for s in case.specs):
        return
    if torch is None:
        if case.name == "view_dtype":  # the same bits read at another width are other numbers
            return
        exact, _ = run(lw, case, ours_of(arrays_of(case)))
        out, error = run(lw, case, ours_of(arrays_of(case, "float32")))
        assert error is None, error
        for a, b in zip(out, exact):
            np.testing.assert_allclose(numbers(a), numbers(b), 1e-3, 1e-3)
        return
    problems = []
    for dtype in CHANGED:
        arrays = arrays_of(case, dtype)
        tolerance = TOLERANCE.get(dtype, TOLERANCE["float32"])
        if case.rtol:
            tolerance = (case.rtol, case.rtol)
        try:
            agree(run(lw, case, ours_of(arrays)), run(torch, case, theirs_of(arrays)), tolerance, dtype)
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@each
def test_other_shapes(case):
    """Empty and 0-dim inputs: PyTorch's result, or an exception where PyTorch raises one."""
    if torch is None or not case.vary or len(case.specs) > 3:  # PyTorch's recurrent kernels crash where weights don't fit
        return
    problems = []
    for what, shape in (("empty", lambda s: (0, *s[1:])), ("0-dim", lambda s: ()), ("all sizes 1", lambda s: (1,) * len(s))):
        arrays = arrays_of(case, shape=shape)
        try:
            agree(run(lw, case, ours_of(arrays)), run(torch, case, theirs_of(arrays)), TOLERANCE["float64"], what, loose=True)
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


def differentiable(case):
    """(function of the inputs that want a gradient, those inputs)."""
    tensors = ours_of(arrays_of(case))
    places = [i for i, s in enumerate(case.specs) if s.grad]
    wanted = [tensors[i].requires_grad_() for i in places]

    def call(*given):
        full = list(tensors)
        for i, t in zip(places, given):
            full[i] = t
        out = [t for t in flat(case.call(lw, *full)) if hasattr(t, "requires_grad")]
        return tuple(t for t in out if t.is_floating_point() or t.is_complex())

    return call, wanted


@each
def test_first_derivative(case):
    call, wanted = differentiable(case)
    with np.errstate(all="ignore"):
        if case.nondiff or not wanted:
            assert not any(t.requires_grad for t in call(*wanted)), f"{case.name} has a derivative: not nondiff"
            return
        assert gradcheck(call, wanted, atol=1e-5, rtol=1e-4)
        if torch is None:
            return
        theirs = theirs_of(arrays_of(case))
        for t, s in zip(theirs, case.specs):
            t.requires_grad_(s.grad)
        outs = [t for t in flat(case.call(torch, *theirs)) if isinstance(t, torch.Tensor) and t.requires_grad]
        ours = [t for t in call(*wanted) if t.requires_grad]
        assert len(outs) == len(ours)
        rng = np.random.Generator(np.random.MT19937(5))
        weights = [rng.standard_normal(tuple(t.shape)) + (1j * rng.standard_normal(tuple(t.shape)) if t.is_complex() else 0) for t in outs]
        expected = torch.autograd.grad(
            outs, [t for t in theirs if t.requires_grad], [torch.from_numpy(np.asarray(w)) for w in weights], allow_unused=True
        )
        found = lw.autograd.grad(ours, wanted, [lw.from_numpy(np.asarray(w)) for w in weights], allow_unused=True)
        for a, b in zip(found, expected):
            a = np.zeros(tuple(b.shape)) if a is None else numbers(a)
            np.testing.assert_allclose(a, 0 if b is None else numbers(b), 1e-8, 1e-9, err_msg="gradient")


@each
def test_second_derivative(case):
    call, wanted = differentiable(case)
    if case.nondiff or not wanted or not case.second:
        return
    size = sum(t.numel() for t in wanted)
    with np.errstate(all="ignore"):
        assert gradgradcheck(call, wanted, atol=1e-4, rtol=1e-3, fast_mode=size > 24)


# ---- in-place twins -------------------------------------------------------------------------------------------------

ARGUMENTS = {  # what the out-of-place method takes, as functions of a namespace
    name: (lambda f: (f.full((2, 3), 0.75, dtype=f.float64),))
    for name in (
        "add arctan2 atan2 copysign div divide eq float_power floor_divide fmax fmin fmod ge greater greater_equal gt hypot le "
        "less less_equal logical_and logical_or logical_xor lt mul multiply ne nextafter not_equal pow remainder sub subtract "
        "true_divide xlogy"
    ).split()
} | {
    "addcdiv": lambda f: (f.full((2, 3), 0.5, dtype=f.float64), f.full((2, 3), 2.0, dtype=f.float64)),
    "addcmul": lambda f: (f.full((2, 3), 0.5, dtype=f.float64), f.full((2, 3), 2.0, dtype=f.float64)),
    "clamp": lambda f: (-0.5, 0.5), "clip": lambda f: (-0.5, 0.5), "clamp_max": lambda f: (0.5,), "clamp_min": lambda f: (0.5,),
    "cumprod": lambda f: (1,), "cumsum": lambda f: (1,), "heaviside": lambda f: (f.tensor(0.5, dtype=f.float64),),
    "lerp": lambda f: (f.full((2, 3), 0.5, dtype=f.float64), 0.25), "masked_fill": lambda f: (f.tensor([True, False, True]), 7.0),
    "index_fill": lambda f: (1, f.tensor([0, 2]), 7.0), "renorm": lambda f: (2, 0, 0.5), "mvlgamma": lambda f: (1,), "polygamma": lambda f: (1,),
    "transpose": lambda f: (0, 1), "swapaxes": lambda f: (0, 1), "swapdims": lambda f: (0, 1), "unsqueeze": lambda f: (1,),
    "index_add": lambda f: (1, f.tensor([0, 2]), f.ones(2, 2, dtype=f.float64)),
    "index_copy": lambda f: (1, f.tensor([0, 2]), f.ones(2, 2, dtype=f.float64)),
    "scatter": lambda f: (1, f.tensor([[0], [1]]), 5.0), "scatter_add": lambda f: (1, f.tensor([[0], [1]]), f.ones(2, 1, dtype=f.float64)),
    "threshold": lambda f: (0.1, 2.0), "dist": lambda f: (f.ones(2, 3, dtype=f.float64),),
    "resize": lambda f: (3, 2),
}  # fmt: skip


def twins():
    return sorted(n for n in dir(lw.Tensor) if n.endswith("_") and not n.startswith("_") and callable(getattr(lw.Tensor, n[:-1], None)))


@pytest.mark.filterwarnings("ignore:non-inplace resize")
@pytest.mark.parametrize("name", twins())
def test_inplace_twin(name):
    data = np.array([[0.3, 0.55, 0.8], [0.25, 0.9, 0.6]])
    args = ARGUMENTS.get(name[:-1], lambda f: ())(lw)

    def fresh():
        return lw.from_numpy(data.copy())

    try:
        expected = getattr(fresh(), name[:-1])(*args)
    except (RuntimeError, TypeError) as error:
        with pytest.raises((RuntimeError, TypeError, IndexError)):
            getattr(fresh(), name)(*args)
        if torch is not None and hasattr(torch.Tensor, name[:-1]):
            with pytest.raises(Exception):
                getattr(torch.from_numpy(data.copy()), name[:-1])(*ARGUMENTS.get(name[:-1], lambda f: ())(torch))
        assert str(error)
        return
    if not isinstance(expected, lw.Tensor):
        return
    x = fresh()
    got = getattr(x, name)(*args)
    assert got is x, f"{name} returns the tensor itself"
    if name[:-1] in ("requires_grad", "retain_grad", "share_memory", "detach", "random", "set", "bernoulli"):
        return
    np.testing.assert_array_equal(numbers(x).astype(np.float64), numbers(expected).astype(np.float64))
    assert x.dtype == lw.float64
