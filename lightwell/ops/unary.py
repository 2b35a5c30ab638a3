"""How a record of one tensor becomes public: the function, the method, the in-place twins, `out=`."""

from ..errors import NotStrided
from ..errors.teaching import TypeError
from ..tensor import Tensor
from .public import ALIASES, twin, write_out

UNARY = {name for name, meant in ALIASES.items() if meant == "input"} | {"input"}


def signature(input):
    """Whose signature the functions below show."""


def unary(exports: list, name: str, run, doc: str, *aliases: str, ufunc=None, inplace: bool = True):
    """Make `run(tensor)` public as `name` and `aliases`: torch.name, Tensor.name, torch.name_, Tensor.name_."""

    def call(*args, **kwargs):
        if not kwargs:
            try:
                return run(*args)
            except NotStrided as error:
                return NotStrided.elsewhere(name, args, kwargs, error)
        out = kwargs.pop("out", None)
        if not args and len(kwargs) == 1:
            key, value = kwargs.popitem()
            if key in UNARY:
                args = (value,)
            else:
                raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        if kwargs:
            raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(kwargs))}'")
        result = run(*args)
        return result if out is None else write_out(name, out, result)

    call.__name__ = call.__qualname__ = name
    call.__module__, call.__wrapped__, call.__doc__ = "lightwell.ops.pointwise", signature, doc
    made = {}
    for key in (name, *aliases):
        made[key] = call
        setattr(Tensor, key, _method(run, key, doc) if key == name else getattr(Tensor, name))
    if inplace:
        call.inplace = twin(name, run) if ufunc is None else _floats_only(twin(name, run, ufunc), twin(name, run))
        for key in (name, *aliases):
            setattr(Tensor, key + "_", call.inplace)
            made[key + "_"] = call.inplace
    exports.extend(made)
    return made


def _floats_only(fast, slow):
    """The in-place twin: straight through the ufunc for floating-point numbers, otherwise with a check of the dtypes."""

    def write_over(self):
        return (fast if self._a.dtype.kind == "f" else slow)(self)

    write_over.__name__, write_over.__qualname__, write_over.__doc__ = slow.__name__, slow.__name__, slow.__doc__
    return write_over


def _method(run, name, doc):
    """The method: the record itself, since it takes nothing but the tensor."""

    def method(self):
        return run(self)

    method.__name__, method.__qualname__, method.__doc__ = name, f"Tensor.{name}", f"See `torch.{name}`."
    return method


def as_float(x: Tensor) -> Tensor:
    """x, integers and bools converted to the default floating-point dtype."""
    if isinstance(x, Tensor) and x._a.dtype.kind in "iub":
        from .. import dtypes

        return x.to(dtypes.get_default_dtype())
    return x


def example(call: str, shown: str) -> str:
    """A doctest."""
    return f"\n\n>>> import lightwell as torch\n>>> {call}\n{shown}\n"
