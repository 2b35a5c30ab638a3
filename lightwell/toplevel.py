"""Small functions at the top of the namespace that are no operations: questions about tensors, and switches."""

from . import dtypes
from .backend import fast
from .errors import refusing_all
from .errors.teaching import RuntimeError
from .tensor import Tensor


def is_floating_point(input) -> bool:
    """Whether the tensor's dtype is floating-point.

    >>> import lightwell as torch
    >>> torch.is_floating_point(torch.tensor(1))
    False
    """
    return input.dtype.is_floating_point


def is_complex(input) -> bool:
    """Whether the tensor's dtype is complex.

    >>> import lightwell as torch
    >>> torch.is_complex(torch.tensor(1j))
    True
    """
    return input.dtype.is_complex


def is_signed(input) -> bool:
    """Whether the tensor's dtype has negative values.

    >>> import lightwell as torch
    >>> torch.is_signed(torch.tensor(1, dtype=torch.uint8))
    False
    """
    return input.dtype.is_signed


def is_nonzero(input) -> bool:
    """Whether the one element of the tensor is not zero; RuntimeError for more or fewer elements.

    >>> import lightwell as torch
    >>> torch.is_nonzero(torch.tensor([2]))
    True
    """
    if input._a.size != 1:
        what = "no values" if not input._a.size else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
    return bool(input._a.item())


def is_conj(input) -> bool:
    """Whether conjugation is pending: never, it is done at once here."""
    return False


def is_neg(input) -> bool:
    """Whether negation is pending: never, it is done at once here."""
    return False


def is_storage(obj) -> bool:
    """Whether `obj` is a storage."""
    from .storage import TypedStorage, UntypedStorage

    return isinstance(obj, (TypedStorage, UntypedStorage))


def numel(input) -> int:
    """The number of elements.

    >>> import lightwell as torch
    >>> torch.numel(torch.zeros(2, 3))
    6
    """
    return input._a.size


def typename(obj) -> str:
    """The type's name, such as 'torch.FloatTensor'.

    >>> import lightwell as torch
    >>> torch.typename(torch.zeros(1))
    'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return obj.type()
    if obj is Tensor:
        return "torch.Tensor"
    module = getattr(obj, "__module__", None)
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None) or type(obj).__name__
    return name if module in (None, "builtins") else f"{module}.{name}"


def result_type(tensor1, tensor2) -> dtypes.dtype:
    """The dtype of an operation on the two, tensors or numbers, by PyTorch's promotion.

    >>> import lightwell as torch
    >>> torch.result_type(torch.ones(1, dtype=torch.int32), 1.5)
    torch.float32
    """
    full, zero_dim, number = [], [], []
    for v in (tensor1, tensor2):
        if isinstance(v, Tensor):
            (full if v.ndim else zero_dim).append(v.dtype)
        else:
            number.append(dtypes.of_scalar(v))
    return dtypes.result_of(full, zero_dim, number)


def set_default_tensor_type(t) -> None:
    """Make a tensor type's dtype the default, as `set_default_dtype` does."""
    from .ops.convert import as_dtype

    dtypes.set_default_dtype(as_dtype(t))


def get_num_threads() -> int:
    """How many threads large operations use."""
    from .backend import threads

    return threads.get_num_threads()


def set_num_threads(n: int) -> None:
    """Let large operations use `n` threads; RuntimeError below 1."""
    from .backend import threads

    threads.set_num_threads(n)


_interop = [1]


def get_num_interop_threads() -> int:
    """The number of threads for independent operations, as set: operations run one after another here."""
    return _interop[0]


def set_num_interop_threads(n: int) -> None:
    """Remember `n`; operations run one after another here."""
    if n < 1:
        raise RuntimeError(f"set_num_interop_threads expects a positive number of threads, got {n}")
    _interop[0] = n


_deterministic = [False]


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Let large operations always take the same way: with True NumPy's alone, without native code, whose last bits may differ.

    Every operation is deterministic for itself; but when a kernel for it is ready, and whether it is the quicker way, depends on time.
    """
    _deterministic[0] = bool(mode)
    fast.enable(not mode and fast.allowed)


def are_deterministic_algorithms_enabled() -> bool:
    """What was last asked of `use_deterministic_algorithms`."""
    return _deterministic[0]


_precision = ["highest"]


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted ("highest", "high", "medium"): products are computed in full float32 here."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"{precision} is not one of 'highest', 'high' or 'medium'")
    _precision[0] = precision


def get_float32_matmul_precision() -> str:
    """What was last asked of `set_float32_matmul_precision`."""
    return _precision[0]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether only warnings were asked for: no, everything is deterministic here."""
    return False


def get_deterministic_debug_mode() -> int:
    """2 where deterministic algorithms were asked for, else 0."""
    return 2 * _deterministic[0]


def set_deterministic_debug_mode(debug_mode) -> None:
    """Accepted ("default", "warn", "error", or 0, 1, 2): every operation here is deterministic already."""
    modes = ("default", "warn", "error")
    if debug_mode not in modes and debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, 2 or one of {modes}, but got {debug_mode!r}")
    _deterministic[0] = debug_mode not in ("default", 0)


_warn_always = [False]


def set_warn_always(b: bool) -> None:
    """Accepted: Python's own filters decide how often a warning is shown."""
    _warn_always[0] = bool(b)


def is_warn_always_enabled() -> bool:
    """What was last asked of `set_warn_always`."""
    return _warn_always[0]


def set_flush_denormal(mode: bool) -> bool:
    """Whether numbers below the smallest normal one can be made 0: no, so False."""
    return False


def get_device(input) -> int:
    """The index of the accelerator: -1 on the CPU."""
    return input.get_device()


def is_distributed(input) -> bool:
    """Whether the tensor is spread over machines: never."""
    return False


def compiled_with_cxx11_abi() -> bool:
    """Asked by builders of C++ extensions, which have no place here."""
    return True


class OutOfMemoryError(RuntimeError):
    """Memory of a device ran out."""


class AcceleratorError(RuntimeError):
    """An accelerator failed."""


def sym_int(a) -> int:
    """a cut off to a whole number."""
    return int(a)


def sym_float(a) -> float:
    """a as a float."""
    return float(a)


def sym_not(a) -> bool:
    """not a."""
    return not a


def sym_ite(b, t, f):
    """t where b holds, else f."""
    return t if b else f


def sym_sum(args):
    """The sum of the numbers."""
    return sum(args)


def sym_sqrt(a) -> float:
    """√a."""
    return a**0.5


def sym_max(a, b):
    """The greater of two numbers; a float where one of them is."""
    return float(max(a, b)) if isinstance(a, float) or isinstance(b, float) else max(a, b)


def sym_min(a, b):
    """The lesser of two numbers; a float where one of them is."""
    return float(min(a, b)) if isinstance(a, float) or isinstance(b, float) else min(a, b)


def igamma(input, other, *, out=None):
    """The regularised lower incomplete gamma function; see `special.gammainc`.

    >>> import lightwell as torch
    >>> torch.igamma(torch.tensor([2.]), torch.tensor([1.]))
    tensor([0.2642])
    """
    from .special import gammainc

    return gammainc(input, other) if out is None else gammainc(input, other, out=out)


def igammac(input, other, *, out=None):
    """The regularised upper incomplete gamma function; see `special.gammaincc`.

    >>> import lightwell as torch
    >>> torch.igammac(torch.tensor([2.]), torch.tensor([1.]))
    tensor([0.7358])
    """
    from .special import gammaincc

    return gammaincc(input, other) if out is None else gammaincc(input, other, out=out)


Tensor.igamma, Tensor.igammac = igamma, igammac


def spmm(input, mat2):
    """The product of a sparse (or dense) matrix with a matrix; see `mm`."""
    return input.mm(mat2)


def cond(pred, true_fn, false_fn, operands=()):
    """`true_fn(*operands)` where `pred` is true, else `false_fn(*operands)`: a branch that also says itself to a compiler.

    `pred` is a bool or a tensor of one element. RuntimeError for another predicate, for branches that can't be called and for operands
    that are no tuple or list.

    >>> import lightwell as torch
    >>> x = torch.tensor([1., -2.])
    >>> torch.cond(x.sum() > 0, torch.sin, torch.abs, (x,))
    tensor([1., 2.])
    """
    if not isinstance(pred, (bool, Tensor)):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {type(pred).__name__}.")
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got a tensor of shape {list(pred.shape)}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    if not isinstance(operands, (tuple, list)):
        raise RuntimeError(
            f"Expect operands to be a tuple of possibly nested dict/list/tuple that only consists of tensor leaves, but got {operands!r}."
        )
    return (true_fn if bool(pred) else false_fn)(*operands)


def while_loop(cond_fn, body_fn, carried_inputs):
    """`carried = body_fn(*carried)` as long as `cond_fn(*carried)` is true; returns what is carried at the end.

    RuntimeError where an argument can't be called or the inputs are no tuple or list, and where the body gives another number of values.

    >>> import lightwell as torch
    >>> torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (torch.tensor(0), torch.ones(2)))
    (tensor(3), tensor([8., 8.]))
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, (tuple, list)):
        raise RuntimeError(f"Expect carried_inputs to be a tuple, but got {type(carried_inputs).__name__}.")
    carried = tuple(carried_inputs)
    while bool(cond_fn(*carried)):
        made = body_fn(*carried)
        made = tuple(made) if isinstance(made, (tuple, list)) else (made,)
        if len(made) != len(carried):
            raise RuntimeError(f"while_loop: body_fn must give as many values as it is given, {len(carried)}, but gave {len(made)}")
        carried = made
    return carried


refusing_all(globals(), "is_floating_point is_complex is_signed is_nonzero numel get_device".split())
