"""Autocast's rules: which operations run in 16-bit floats, which in float32, and the hook at `apply` that casts their arguments.

Products, convolutions and recurrent layers gain from 16 bits and lose little: their float arguments are cast to the
chosen dtype. Losses, products of all elements, decompositions and Fourier transforms lose too much: theirs are cast to
float32. All else takes the dtypes that come, and promotes. float64 is left alone. (Micikevicius et al., "Mixed precision
training", 2018; the lists are those that PyTorch has for the CPU.)

Most rules are a record's, and hold in the hook, which is there only while autocast is on. A function made of several
records whose rule concerns the whole says so with `@lower` or `@float32`.
"""

import functools
import threading
from typing import Any

from .. import dtypes
from ..autograd import modes
from ..tensor import Tensor
from . import op
from .convert import cast

_LOWER = frozenset("mm bmm addmm linear convolution convolution_transpose prelu_kernel".split())
_FLOAT32 = frozenset(
    "prod prod_dim trace view_as_complex avg_pool3d max_pool3d max_pool3d_with_indices adaptive_avg_pool3d adaptive_max_pool3d "
    "fractional_max_pool2d fractional_max_pool3d max_unpool2d max_unpool3d reflection_pad1d reflection_pad2d replication_pad1d "
    "replication_pad2d replication_pad3d fft_c2c fft_r2c fft_c2r linalg_svd linalg_svdvals linalg_qr linalg_eigh linalg_eig "
    "linalg_eigvalsh linalg_eigvals linalg_inv linalg_solve linalg_cholesky".split()
)
_DEFAULTS = {"cpu": dtypes.bfloat16, "mtia": dtypes.bfloat16, "maia": dtypes.bfloat16, "xla": dtypes.bfloat16}


class _State(threading.local):
    """What autocast is set to in this thread."""

    def __init__(self):
        self.enabled: dict = {}  # device type -> bool
        self.fast: dict = {}  # device type -> dtype
        self.nesting, self.caching = 0, True
        self.cache: dict = {}  # id of a weight -> (weight, its version, whether gradients were recorded, its cast)
        self.hook: Any = None


state = _State()


def is_enabled(device: str) -> bool:
    """Whether autocast is on for a device type in this thread."""
    return state.enabled.get(device, False)


def set_enabled(device: str, on: bool) -> None:
    """Switch autocast for a device type; what runs here is the CPU's, so only its hook is ever needed."""
    state.enabled[device] = on
    if device == "cpu" and on != (state.hook is not None):
        if on:
            state.hook = op.interpose(_hook).__enter__()
        else:
            state.hook.__exit__()
            state.hook = None


def fast_dtype(device: str) -> dtypes.dtype:
    """The 16-bit dtype of a device type."""
    return state.fast.get(device) or _DEFAULTS.get(device, dtypes.float16)


def lowering() -> bool:
    """Whether operands of unequal float dtypes will be made equal: a check that they are equal asks this before it raises."""
    return state.hook is not None


def _eligible(t) -> bool:
    return isinstance(t, Tensor) and t._a.dtype.kind in "fV" and t.dtype is not dtypes.float64 and t.is_floating_point()


def _to(value, d: dtypes.dtype):
    """A tensor, or what holds tensors, in dtype `d`; a weight's cast is kept until the outermost region ends."""
    if isinstance(value, (tuple, list)):
        return type(value)(_to(v, d) for v in value) if type(value) in (tuple, list) else value
    if not _eligible(value) or value._a.dtype is d.np:
        return value
    if not (state.caching and value._rg and value._node is None and value._base is None and d is not dtypes.float32):
        return cast(value, d)
    stamp = (value._version, modes.is_grad_enabled())
    found = state.cache.get(id(value))
    if found is not None and found[0] is value and found[1] == stamp and found[2].dtype is d:
        return found[2]
    made = cast(value, d)
    state.cache[id(value)] = (value, stamp, made)
    return made


def _hook(rec, call, args):
    """At every operation while autocast is on: cast the arguments where the record has a rule."""
    if rec.name in _LOWER:
        d = state.fast.get("cpu") or dtypes.bfloat16
        if any(isinstance(a, Tensor) and a.dtype is dtypes.float64 for a in args):
            return call(*args)
        return call(*[_to(a, d) for a in args])
    if rec.name in _FLOAT32:
        return call(*[_to(a, dtypes.float32) for a in args])
    return call(*args)


class paused:
    """Within it, autocast on the CPU is off in this thread."""

    def __enter__(self):
        self.before = is_enabled("cpu")
        set_enabled("cpu", False)

    def __exit__(self, *exc):
        set_enabled("cpu", self.before)


def _ruled(fn: Any, dtype_now, back=False):
    """`fn` so that under autocast all of it runs in one dtype; the Tensor method of the same function too."""

    @functools.wraps(fn)
    def call(*args, **kwargs):
        if not op.active or state.hook is None:
            return fn(*args, **kwargs)
        d = dtype_now()
        with paused():
            result = fn(*[_to(a, d) for a in args], **{k: _to(v, d) for k, v in kwargs.items()})
        if back:
            given = [a for a in args if _eligible(a)]
            result = _to(result, given[0].dtype) if given else result
        return result

    name = fn.__name__
    if getattr(Tensor, name, None) is fn:
        setattr(Tensor, name, call)
    return call


def lower(fn):
    """Under autocast, run all of `fn` in the 16-bit dtype."""
    return _ruled(fn, lambda: fast_dtype("cpu"))


def lower_inside(fn):
    """Under autocast, run all of `fn` in the 16-bit dtype and give its results in the dtype of its first float argument."""
    return _ruled(fn, lambda: fast_dtype("cpu"), back=True)


def float32(fn):
    """Under autocast, run all of `fn` in float32."""
    return _ruled(fn, lambda: dtypes.float32)
