"""The `*_copy` twins of views: the same result in memory of its own, so that writing to one doesn't show in the other."""

from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor, contiguous_format

_VIEWS = (
    "as_strided detach diagonal expand narrow permute select split split_with_sizes squeeze t transpose unbind unfold unsqueeze "
    "view view_as_complex view_as_real"
).split()
__all__ = [f"{name}_copy" for name in _VIEWS] + ["alias_copy", "slice_copy", "as_strided_scatter"]


def _copied(found):
    return tuple(map(_copied, found)) if isinstance(found, tuple) else found.clone(memory_format=contiguous_format)


def _twin(view: str):
    name = f"{view}_copy"

    def call(input, *args, out=None, **kwargs):
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
        if view in ("view_as_complex", "view_as_real"):
            import lightwell

            found = getattr(lightwell, view)(input)
        else:
            found = getattr(input, view)(*args, **kwargs)
        result = _copied(found)
        if out is None:
            return result
        from .public import write_out

        return write_out(name, out, result)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`{view}`, in memory of its own. See `torch.{view}`."
    return call


for _name in _VIEWS:
    globals()[f"{_name}_copy"] = _twin(_name)
Tensor.narrow_copy = globals()["narrow_copy"]
del _name


def alias_copy(input, *, out=None):
    """A copy of the tensor.

    >>> import lightwell as torch
    >>> torch.alias_copy(torch.tensor([1, 2]))
    tensor([1, 2])
    """
    return view_copy(input, input.shape, out=out)  # noqa: F821


def slice_copy(input, dim=0, start=None, end=None, step=1, *, out=None):
    """Every `step`-th element from start to end along `dim`, in memory of its own.

    >>> import lightwell as torch
    >>> torch.slice_copy(torch.arange(6), 0, 1, 5, 2)
    tensor([1, 3])
    """
    dim = dim + input.ndim if dim < 0 else dim
    return alias_copy(input[(slice(None),) * dim + (slice(start, end, step),)], out=out)


def as_strided_scatter(input, src, size, stride, storage_offset=None):
    """A copy of `input` with `src` written where `as_strided(size, stride, storage_offset)` looks.

    RuntimeError where `src` has another shape than `size`.

    >>> import lightwell as torch
    >>> torch.as_strided_scatter(torch.zeros(4), torch.ones(2), (2,), (2,))
    tensor([1., 0., 1., 0.])
    """
    if tuple(src.shape) != tuple(size):
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(size)}"
        )
    result = input.clone()
    result.as_strided(size, stride, storage_offset or 0).copy_(src)
    return result


Tensor.as_strided_scatter = as_strided_scatter
