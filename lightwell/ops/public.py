"""How a function becomes public: keyword aliases, `out=`, the Tensor method, the in-place twin."""

import builtins
import functools

import numpy as np

from .. import dtypes
from ..autograd.modes import state
from ..autograd.node import tick
from ..errors import NotStrided, Unreadable, refuse_no_tensor
from ..errors.level import users_level
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor
from . import op as core
from .inplace import note, overwrite, writing

ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}


def public(fn=None, *, method=True, inplace=False, out=True, ufunc=None, name=None):
    """Make `fn(input, ...)` public under its name.

    `method`: attach it to Tensor (True, or the method's name); `inplace`: attach the twin `name_`, which writes the
    result over the tensor (`ufunc` does so without a temporary where no graph is wanted); `out`: take `out=`.
    Keywords `axis`, `keepdims`, `x`, `x1`, `x2` stand for `dim`, `keepdim`, `input`, `input`, `other`.
    """
    if fn is None:
        return functools.partial(public, method=method, inplace=inplace, out=out, ufunc=ufunc, name=name)
    name = name or fn.__name__.rstrip("_")
    code = fn.__code__
    known = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])

    @functools.wraps(fn)
    def call(*args, **kwargs):
        if not kwargs:
            try:
                return fn(*args)
            except Unreadable as error:
                return core.each(call, args, kwargs, error)
            except NotStrided as error:
                return NotStrided.elsewhere(name, args, kwargs, error)
            except builtins.TypeError as error:
                return _overridden(call, args, kwargs, error)
            except (AttributeError, ValueError) as error:
                refuse_no_tensor(name, fn, args, kwargs, error)
                raise
        target = kwargs.pop("out", None) if out and "out" not in known else None
        if not known.issuperset(kwargs):
            for alias, meant in ALIASES.items():
                if alias in kwargs and alias not in known and meant in known and meant not in kwargs:
                    kwargs[meant] = kwargs.pop(alias)
        try:
            result = fn(*args, **kwargs)
        except Unreadable as error:
            result = core.each(call, args, kwargs, error)
        except NotStrided as error:
            result = NotStrided.elsewhere(name, args, kwargs, error)
        except builtins.TypeError as error:
            result = _overridden(call, args, kwargs, error)
        except (AttributeError, ValueError) as error:
            refuse_no_tensor(name, fn, args, kwargs, error)
            raise
        return result if target is None else write_out(name, target, result)

    call.__name__ = call.__qualname__ = name
    call.refuses = True
    call.takes_out = out  # its signature, which is the function's own, doesn't tell
    if method:
        setattr(Tensor, name if method is True else method, call)
    if inplace:
        call.inplace = twin(name, fn, ufunc)
        setattr(Tensor, name + "_", call.inplace)
    return call


_TAKE_NUMBERS = frozenset("add sub subtract mul multiply div divide true_divide".split())


def _overridden(call, args, kwargs, error):
    """The answer of an argument that has `__torch_function__`, or of arithmetic with two numbers; else the error itself."""
    if call.__name__ in _TAKE_NUMBERS and len(args) > 1 and all(type(a) in (int, float, bool, complex) for a in args[:2]):
        from .from_data import tensor

        return call(tensor(args[0]), *args[1:], **kwargs)
    if not any(hasattr(type(a), "__torch_function__") and type(a) is not Tensor for a in (*args, *kwargs.values())):
        refuse_no_tensor(call.__name__, call, args, kwargs, error)
        raise error
    from ..overrides import overridden

    return overridden(call, args, kwargs, error)


def twin(name: str, fn, ufunc=None):
    """The in-place twin of `fn`: compute, then write over the first argument."""

    others = -1 if ufunc is None else ufunc.nin - 1

    def write_over(self, *args, **kwargs):
        try:
            if len(args) == others and not kwargs:
                a = self._a
                history = self._rg or self._base is not None
                plain = a.dtype.kind in "fciu" and (a.flags.c_contiguous or 0 not in a.strides)
                if others and plain:
                    v = args[0]
                    if isinstance(v, Tensor):
                        history = history or v._rg or v._base is not None
                        v = v._a
                        plain = v.dtype is a.dtype and (v.shape == a.shape or not v.ndim)
                    else:
                        plain = type(v) in _numbers and a.dtype.kind == "f"
                if plain and not (history and state.grad) and not core.active:  # an interposer is to see the record
                    ufunc(a, v, a) if others else ufunc(a, a)
                    writing(self, name + "_") if state.grad else note(self)
                    return self
            since = tick() if state.grad else 0
            return overwrite(self, fn(self, *args, **kwargs), name + "_", since)
        except NotStrided as error:
            return NotStrided.elsewhere(name + "_", (self, *args), kwargs, error)
        except (AttributeError, builtins.TypeError, ValueError) as error:
            refuse_no_tensor(name + "_", fn, (self, *args), kwargs, error)
            raise

    write_over.refuses = True
    write_over.__name__ = write_over.__qualname__ = name + "_"
    write_over.__doc__ = f"`{name}`, written over this tensor; returns it. See `torch.{name}`."
    return write_over


_numbers = frozenset((float, int))


def write_out(name: str, out, result):
    """Write `result` into `out` (tuples pairwise), resizing it as PyTorch does; returns `out`.

    RuntimeError where a gradient would be lost, or where the dtype can't be cast.
    """
    if isinstance(result, tuple):
        for o, r in zip(out, result):
            write_out(name, o, r)
        return type(result)(*out) if hasattr(result, "_fields") else type(result)(out)
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if state.grad and (result._rg or out.requires_grad):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
            "requires grad. Leave out= away, or compute under torch.no_grad()."
        )
    if not dtypes.can_cast(result.dtype, out.dtype):
        raise RuntimeError(
            f"{name}(): result type {result.dtype.tensor_type[:-6]} can't be cast to the desired output type {out.dtype.tensor_type[:-6]}"
        )
    if out._a.shape != result._a.shape:
        if out._a.size:
            import warnings

            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not match "
                f"the required output shape {list(result.shape)}. Reuse it by resizing it to zero elements first: out.resize_(0).",
                UserWarning,
                stacklevel=users_level(),
            )
        out._a = np.empty(result._a.shape, out._a.dtype)
    np.copyto(out._a, result._a, casting="unsafe")
    out._bump()
    return out
