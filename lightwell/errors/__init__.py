"""What goes wrong, said so that it can be mended: the op, the argument, what it was, what was expected."""

import builtins
import functools

import numpy as np

from .teaching import NotImplementedError, RuntimeError, TypeError


def explain_error(error: BaseException) -> str:
    """An exception's message and its lesson: see `lightwell.errors.lesson`."""
    from .lesson import explain_error

    return explain_error(error)


def page(code: str) -> str:
    """The page of a code, such as "LW101", in the language in use: see `lightwell.errors.pages`."""
    from .pages import page

    return page(code)


class Unreadable(RuntimeError):
    """Under `vmap`, numbers were asked of a tensor that stands for every example of a batch at once."""


class Untraceable(RuntimeError):
    """Raised while a program is captured for compilation, by what can't be part of it: the program then runs as it stands."""

    refusals = None  # set by compile.trace while it is at work: told of each, also of those that somebody catches

    def __init__(self, *args):
        super().__init__(*args)
        if self.refusals is not None:
            self.refusals(self)


def traced(x) -> bool:
    """Whether an array is one that a program being compiled computes: its numbers can't be asked for."""
    return hasattr(type(x), "recorder")


def opaque(f, a, *args):
    """`f(a, ...)`, which looks at the numbers of the array a; where a program is being compiled, a step of it that Python computes."""
    return a.recorder.opaque(f, a, *args) if traced(a) else f(a, *args)


class NotStrided(NotImplementedError):
    """The elements of a sparse tensor were asked for as an array: `elsewhere` finds what computes on its entries instead."""

    elsewhere = None  # set by lightwell.sparse: elsewhere(name, args, kwargs, error)


# Who meets it outside meets the plain error: where nothing computes on entries, that is what it says.
NotStrided.__name__, NotStrided.__qualname__, NotStrided.__module__ = "NotImplementedError", "NotImplementedError", "builtins"


def not_a_tensor(rec, position: int, value) -> TypeError:
    """The error of a non-tensor where the op takes a tensor."""
    name = "tensors" if rec.variadic else rec.inputs[position] if position < len(rec.inputs) else "input"
    public = {"x": "input", "y": "other", "xs": "tensors"}.get(name, name)
    hint = ": convert it first, with torch.tensor(...)" if isinstance(value, (list, tuple, int, float, np.ndarray)) else ""
    return TypeError(f"{rec.name}(): argument '{public}' (position {position + 1}) must be Tensor, not {type(value).__name__}{hint}")


def refusing(fn):
    """`fn`, which says of an argument that should be a tensor or a number that it is none (`refuse_no_tensor`)."""
    if hasattr(fn, "refuses"):
        return fn

    @functools.wraps(fn)
    def call(*args, **kwargs):
        try:
            return fn(*args, **kwargs)
        except (AttributeError, builtins.TypeError, ValueError) as error:
            refuse_no_tensor(fn.__name__, fn, args, kwargs, error)
            raise

    call.refuses = True  # type: ignore[attr-defined]
    return call


def refusing_all(namespace: dict, names) -> None:
    """`refusing` over the functions of these names of a module."""
    for name in names:
        if type(namespace[name]) is type(refusing):
            namespace[name] = refusing(namespace[name])


# What Python says of a str, a list or None among numbers.
_PYTHONS = (
    "unsupported operand", "not supported between", "bad operand type", "could not convert string", "invalid literal for",
    "must be real number", "not enough values to unpack", "ufunc", "object has no attribute",
)  # fmt: skip
_TENSORS = frozenset("input self other x y x1 x2 input1 input2 target weight end real imag abs angle".split())


def _parameters(fn) -> list:
    """The names of a function's parameters."""
    import inspect  # a quarter of the time that importing lightwell would take

    return list(inspect.signature(fn).parameters)


def _refuse_no_number(name: str, fn, args, kwargs, error: Exception) -> None:
    """The same for a TypeError or ValueError of Python's own: the first str, None or container among the arguments is meant."""
    if not any(words in str(error) for words in _PYTHONS):
        return
    names = _parameters(fn)
    given = [(names[min(i, len(names) - 1)] if names else "input", a) for i, a in enumerate(args)] + list(kwargs.items())
    for kinds in ((str, bytes), (type(None), dict, set), (list, tuple)):
        for i, (argument, value) in enumerate(given):
            if isinstance(value, kinds):
                place = f"argument '{argument}'" + f" (position {i + 1})" * (i < len(args))
                wanted = "Tensor" if argument in _TENSORS else "a number"
                raise TypeError(f"{name}(): {place} must be {wanted}, not {type(value).__name__}") from None


def refuse_no_tensor(name: str, fn, args, kwargs, error: Exception) -> None:
    """Raise, where the error met comes from an argument of `fn` that should have been a tensor, PyTorch's TypeError."""
    from ..tensor import Tensor

    if not isinstance(error, AttributeError):
        return _refuse_no_number(name, fn, args, kwargs, error)
    value = error.obj
    if error.name is None or isinstance(value, Tensor) or not hasattr(Tensor, error.name) or hasattr(type(value), "__torch_function__"):
        return
    kind = type(value).__name__
    hint = ": convert it first, with torch.tensor(...)" if isinstance(value, (list, tuple, int, float, np.ndarray)) else ""
    names = _parameters(fn)
    for i, given in enumerate((*args, *kwargs.values())):
        argument = [*kwargs][i - len(args)] if i >= len(args) else names[min(i, len(names) - 1)] if names else "input"
        place = f"argument '{argument}'" + f" (position {i + 1})" * (i < len(args))
        if given is value:
            raise TypeError(f"{name}(): {place} must be Tensor, not {kind}{hint}") from None
        if isinstance(given, (list, tuple)) and any(g is value for g in given):
            at = next(j for j, g in enumerate(given) if g is value)
            raise TypeError(f"{name}(): {place} must be tuple of Tensors, but found element of type {kind} at pos {at}{hint}") from None
    return None


def outside(what: str, a: np.ndarray, low: int, high: int, where: str) -> str:
    """What to say of the first number of `a` that is not among low … high: its value, its position, the range allowed."""
    wrong = np.argwhere((a < low) | (a > high))[0]
    position = f" at position {wrong.tolist()}" if a.ndim else ""
    return f"{what} {a[tuple(wrong)]} is out of bounds{position}: {where}, so [{low}, {high}] is allowed"


def broadcast_error(shape_a, shape_b, op: str) -> RuntimeError:
    """The error of two shapes that don't broadcast, naming the dimension, as PyTorch does, and the op."""
    n = max(len(shape_a), len(shape_b))
    a, b = (1,) * (n - len(shape_a)) + tuple(shape_a), (1,) * (n - len(shape_b)) + tuple(shape_b)
    for d in reversed(range(n)):
        if a[d] != b[d] and 1 not in (a[d], b[d]):
            return RuntimeError(
                f"The size of tensor a ({a[d]}) must match the size of tensor b ({b[d]}) at non-singleton dimension {d}: "
                f"{op}() of shapes {list(shape_a)} and {list(shape_b)} can't be broadcast. Sizes must be equal or 1, "
                "counted from the last dimension; unsqueeze() or view() puts a size-1 dimension where it is missing."
            )
    return RuntimeError(f"{op}(): shapes {list(shape_a)} and {list(shape_b)} can't be combined")


def same_or_broadcast(op: str, a, b) -> None:
    """Raise where two tensors' shapes neither agree nor broadcast."""
    if a._a.shape != b._a.shape and any(m != n and 1 not in (m, n) for m, n in zip(a._a.shape[::-1], b._a.shape[::-1])):
        raise broadcast_error(a._a.shape, b._a.shape, op)


def refuse(op: str, a, b) -> None:
    """Raise for the dtypes that subtraction and order don't take."""
    if op in ("sub", "rsub"):
        if "bool" in (a.name, b.name):
            both = "two bool tensors" if a is b else "a bool tensor"
            use = "the `^` or `logical_xor()` operator" if a is b else "the `~` or `logical_not()` operator"
            raise RuntimeError(
                f"Subtraction, the `-` operator, with {both} is not supported. Use {use} instead, or convert it first, with .int()."
            )
    elif a.is_complex or b.is_complex:
        raise NotImplementedError(
            f'"{op}" not implemented for {a if a.is_complex else b}: complex numbers have no order; compare abs() or real parts'
        )


def explain(rec, call, args, error: Exception):
    """Raise, for an array library's error inside an op, the exception that PyTorch raises there."""
    tensors = list(args[0]) if rec.variadic else [a for a in args[: len(rec.inputs)]]
    shapes = [t._a.shape for t in tensors if hasattr(t, "_a")]
    if isinstance(error, np.exceptions.AxisError):
        from ..tensor import dim_error

        raise dim_error(error.axis or 0, error.ndim or 0) from None
    if isinstance(error, ValueError) and "broadcast" in str(error) and len(shapes) >= 2:
        raise broadcast_error(shapes[0], shapes[1], rec.name) from None
    if isinstance(error, builtins.TypeError) and "ufunc" in str(error):
        names = [str(t.dtype) for t in tensors if hasattr(t, "_a")] or [type(t).__name__ for t in tensors]
        raise NotImplementedError(f'"{rec.name}" not implemented for {" and ".join(names)}: convert it first, with .to(dtype)') from None
    raise error
