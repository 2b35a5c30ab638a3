"""Arrays that are put together of parts: where each part goes."""

from .fuse import Fuser
from .fuse_words import native, plain
from .graph import Value
from .layout import sliced, strides_of


def parts(f: Fuser, v: Value) -> list | None:
    """[(value, offset, strides, whether it lies over what was written before)]: the nests that write v; None where it isn't so simple."""
    if not native(v.dtype) or v.parts is not None:
        return None
    if v.word in ("concat", "stack"):
        return _joined(v)
    if v.word == "index_set":
        return _set(f, v)
    x, w, strides, offset = v.args[:4]
    if not isinstance(x, Value) or not isinstance(w, Value) or x.dtype != v.dtype or w.dtype != v.dtype:
        return None
    if not w.size:
        return None
    return [(x, 0, strides_of(v.shape), False), (w, offset, tuple(strides), True)]


def _joined(v: Value) -> list | None:
    xs = v.args[0]
    if not all(isinstance(x, Value) and x.dtype == v.dtype for x in xs):
        return None
    axis = v.args[1] if len(v.args) > 1 else v.kwargs.get("axis", 0)
    if not isinstance(axis, int) or (v.word == "concat" and any(x.ndim != v.ndim for x in xs)):
        return None
    axis %= v.ndim
    own = strides_of(v.shape)
    out, at = [], 0
    for x in xs:
        if v.word == "stack":
            out.append((x, at * own[axis], own[:axis] + own[axis + 1 :], False))
            at += 1
        else:
            if x.size:
                out.append((x, at * own[axis], own, False))
            at += x.shape[axis]
    return out


def _set(f: Fuser, v: Value) -> list | None:
    x, key, w = v.args
    if not isinstance(x, Value) or x.dtype != v.dtype:
        return None
    found = sliced(key, x.shape)
    if found is None:
        return None
    own = strides_of(v.shape)
    offset = sum(start * s for (start, _, _, _), s in zip(found, own))
    shape = tuple(n for _, _, n, stays in found if stays)
    strides = tuple(step * s for (_, step, _, stays), s in zip(found, own) if stays)
    if not isinstance(w, Value) or w.word == "number" or w.dtype != v.dtype or w.shape != shape:
        return None
    if plain(w) or 0 in shape:
        return None
    return [(x, 0, own, False), (w, offset, strides, True)]
