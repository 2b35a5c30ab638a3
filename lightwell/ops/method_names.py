"""Methods that PyTorch also offers as functions at the top: `torch.zero_(x)` is `x.zero_()`."""

from ..errors.teaching import TypeError
from ..tensor import Tensor

_NAMES = (
    "addmv_ as_strided_ conj_physical_ detach detach_ fill_ index_put_ is_inference neg_ negative_ reciprocal_ resize_as_ square_ zero_"
).split()
__all__ = list(_NAMES)


def _function(name: str):
    def call(input, *args, **kwargs):
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
        return getattr(input, name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"See `Tensor.{name}`."
    return call


for _name in _NAMES:
    globals()[_name] = _function(_name)
del _name
