"""Shapes and places: views, slices, indices, joining and splitting, padding, gathering."""

import numpy as np

from ...utils._capture import Value
from ..sizes import Sym, Varying
from .table import to_onnx

_END = np.iinfo(np.int64).max


@to_onnx("view", "reshape")
def reshape(g, step, x, shape):
    sizes = list(g.dims(step.outputs[0]))
    moving = [i for i, n in enumerate(sizes) if type(n) is Sym]
    if len(moving) == 1 and 0 not in sizes:  # one unknown size: ONNX finds it
        sizes[moving[0]] = -1
    return g.op("Reshape", g.name(x), g.ints(sizes))


@to_onnx("unsqueeze")
def unsqueeze(g, step, x, dim):
    rank = len(step.outputs[0].shape)
    return g.op("Unsqueeze", g.name(x), g.const(np.array([dim % rank])))


@to_onnx("squeeze", "squeeze_dim", "squeeze_dims")
def squeeze(g, step, x, dims):
    sizes = g.dims(x)
    dims = range(len(sizes)) if step.name == "squeeze" else (dims,) if isinstance(dims, int) else dims
    gone = sorted({d % len(sizes) for d in dims if type(sizes[d]) is not Sym and sizes[d] == 1}) if sizes else []
    return g.op("Squeeze", g.name(x), g.const(np.array(gone))) if gone else g.op("Identity", g.name(x))


@to_onnx("permute", "transpose")
def permute(g, step, x, order):
    return g.op("Transpose", g.name(x), perm=[d % len(order) for d in order])


@to_onnx("t")
def t(g, step, x):
    return g.op("Transpose", g.name(x), perm=[1, 0]) if len(x.shape) == 2 else g.op("Identity", g.name(x))


@to_onnx("expand")
def expand(g, step, x, shape):
    return g.op("Expand", g.name(x), g.ints(g.dims(step.outputs[0])))


@to_onnx("repeat")
def repeat(g, step, x, reps):
    name, more = g.name(x), len(reps) - len(x.shape)
    if more:
        name = g.op("Reshape", name, g.ints([1] * more + list(g.dims(x))))
    return g.op("Tile", name, g.ints(reps))


@to_onnx("cat")
def cat(g, step, xs, dim):
    d = step.outputs[0].dtype
    whole = [x for x in xs if len(x.shape) == len(step.outputs[0].shape)]  # an empty vector joins anything
    return g.op("Concat", *(g.operand(x, d) for x in whole), axis=dim)


@to_onnx("stack")
def stack(g, step, xs, dim):
    d, rank = step.outputs[0].dtype, len(step.outputs[0].shape)
    axis = g.const(np.array([dim % rank]))
    return g.op("Concat", *(g.op("Unsqueeze", g.operand(x, d), axis) for x in xs), axis=dim % rank)


@to_onnx("split", "split_with_sizes")
def split(g, step, x, sizes, dim):
    made = g.op("Split", g.name(x), g.ints(sizes), outputs=len(sizes), axis=dim)
    return made if len(sizes) > 1 else [made]


@to_onnx("unbind")
def unbind(g, step, x, dim):
    n = g.static(g.dims(x)[dim], f"size of dimension {dim}")
    if n == 1:
        return [g.op("Squeeze", g.name(x), g.const(np.array([dim])))]
    return [g.op("Gather", g.name(x), g.const(np.int64(i)), axis=dim) for i in range(n)]


def _dense(key, rank: int) -> list:
    """A key without `...`: entries for all dimensions."""
    key = list(key) if isinstance(key, tuple) else [key]
    used = sum(1 for k in key if k is not None and k is not Ellipsis)
    full = [slice(None)] * (rank - used)
    if Ellipsis in [k for k in key if not isinstance(k, (Value, Varying))]:
        at = next(i for i, k in enumerate(key) if k is Ellipsis)
        return key[:at] + full + key[at + 1 :]
    return key + full


@to_onnx("select", "slice", "new_dims")
def basic_key(g, step, x, key):
    """x[key] of numbers, slices and new dimensions."""
    return _taken(g, g.name(x), g.dims(x), key)


def _taken(g, name: str, sizes, key) -> str:
    """The tensor of that name and these sizes, at [key]."""
    entries = _dense(key, len(sizes))
    axes, starts, ends, steps, gone, new = [], [], [], [], [], []
    axis = 0
    for k in entries:
        if k is None:
            continue
        if isinstance(k, slice):
            if k != slice(None):
                size, by = sizes[axis], k.step or 1
                axes.append(axis)
                starts.append(0 if k.start is None else k.start)
                # an end at the axis's own end says so for every size
                ends.append(_END if k.stop is None or g.same(k.stop, size) else k.stop)
                steps.append(by)
        else:
            axes.append(axis)
            starts.append(k)
            ends.append(_END if k == -1 else k + 1)
            steps.append(1)
            gone.append(axis)
        axis += 1
    if axes:
        name = g.op("Slice", name, g.ints(starts), g.ints(ends), g.const(np.array(axes)), g.ints(steps))
    if gone:
        name = g.op("Squeeze", name, g.const(np.array(gone)))
    place = 0
    for k in entries:
        if k is None:
            new.append(place)
        place += k is None or isinstance(k, slice)
    if new:
        name = g.op("Unsqueeze", name, g.const(np.array(new)))
    return name if axes or new else g.op("Identity", name)


@to_onnx("index")
def index(g, step, x, key):
    """x[key] with tensors in the key."""
    entries = _dense(key, len(x.shape))
    places = [i for i, k in enumerate(entries) if not isinstance(k, slice)]
    if any(isinstance(k, slice) and k != slice(None) for k in entries) or any(k is None for k in entries):
        raise g.unsupported("mixes index tensors with slices or new dimensions; slice first, then index")
    tensors = [entries[i] for i in places]
    if any(t.dtype == bool for t in tensors):
        if len(tensors) > 1 or places != [0]:
            raise g.unsupported("has a mask beside other indices")
        found = g.op("Transpose", g.op("NonZero", g.name(tensors[0])), perm=[1, 0])
        return g.op("GatherND", g.name(x), found)
    if len(places) == 1:
        return g.op("Gather", g.name(x), g.operand(tensors[0], np.int64), axis=places[0])
    if places != list(range(len(places))):
        raise g.unsupported("indexes several dimensions that don't come first; permute() them to the front")
    shape = np.broadcast_shapes(*(t.shape for t in tensors))
    if any(t.shape != shape for t in tensors):
        sizes = g.ints(g.dims(step.outputs[0])[: len(shape)])
        names = [g.op("Expand", g.operand(t, np.int64), sizes) for t in tensors]
    else:
        names = [g.operand(t, np.int64) for t in tensors]
    last = g.const(np.array([-1]))
    return g.op("GatherND", g.name(x), g.op("Concat", *(g.op("Unsqueeze", n, last) for n in names), axis=-1))


@to_onnx("embedding")
def embedding(g, step, w, index, scale=None):
    return g.op("Gather", g.name(w), g.operand(index, np.int64), axis=0)


@to_onnx("gather")
def gather(g, step, x, index, dim):
    return g.op("GatherElements", g.name(x), g.operand(index, np.int64), axis=dim)


@to_onnx("index_select")
def index_select(g, step, x, index, dim):
    return g.op("Gather", g.name(x), g.operand(index, np.int64), axis=dim)


@to_onnx("take")
def take(g, step, x, index):
    return g.op("Gather", g.op("Reshape", g.name(x), g.const(np.array([-1]))), g.operand(index, np.int64), axis=0)


@to_onnx("scatter")
def scatter(g, step, x, index, v, dim):
    return g.op("ScatterElements", g.name(x), g.operand(index, np.int64), g.operand(v, x.dtype), axis=dim)


@to_onnx("scatter_add")
def scatter_add(g, step, x, index, v, dim):
    if g.opset < 16:
        raise g.unsupported("needs opset 16 or later: pass opset_version=16")
    return g.op("ScatterElements", g.name(x), g.operand(index, np.int64), g.operand(v, x.dtype), axis=dim, reduction="add")


@to_onnx("constant_pad_nd")
def constant_pad(g, step, x, pad, value):
    sizes = [a for a, _ in pad] + [b for _, b in pad]
    return g.op("Pad", g.name(x), g.ints(sizes), g.const(np.asarray(value, x.dtype)), mode="constant")


@to_onnx("flip")
def flip(g, step, x, dims):
    dims = [d % len(x.shape) for d in dims]
    return g.op(
        "Slice", g.name(x), g.ints([-1] * len(dims)), g.ints([-_END] * len(dims)), g.const(np.array(dims)), g.ints([-1] * len(dims))
    )


@to_onnx("roll")
def roll(g, step, x, shifts, dims):
    name = g.name(x)
    if not dims:
        raise g.unsupported("rolls a flattened tensor; say dims=")
    for shift, dim in zip(shifts, dims):
        axis = g.const(np.array([dim]))
        tail = g.op("Slice", name, g.ints([-shift]), g.ints([_END]), axis)
        name = g.op("Concat", tail, g.op("Slice", name, g.ints([0]), g.ints([-shift]), axis), axis=dim)
    return name if shifts else g.op("Identity", name)


@to_onnx("tril", "triu")
def triangle(g, step, x, k=0):
    if g.opset >= 14:
        return g.op("Trilu", g.name(x), g.const(np.int64(k)), upper=int(step.name == "triu"))
    keep = getattr(np, step.name)(np.ones([g.static(n, "size") for n in g.dims(x)[-2:]], bool), k)
    return g.op("Where", g.const(keep), g.name(x), g.const(np.asarray(0, x.dtype)))


@to_onnx("unfold")
def unfold(g, step, x, dim, size, by):
    count = g.static(g.dims(step.outputs[0])[dim], "number of windows")
    places = np.arange(count)[:, None] * by + np.arange(size)
    windows = g.op("Gather", g.name(x), g.const(places), axis=dim)  # the window's places right behind `dim`; they belong last
    rank = len(x.shape) + 1
    return g.op("Transpose", windows, perm=[*[i for i in range(rank) if i != dim + 1], dim + 1])


@to_onnx("diagonal")
def diagonal(g, step, x, offset, dim1, dim2):
    rank = len(x.shape)
    dim1, dim2 = dim1 % rank, dim2 % rank
    n = g.static(g.dims(step.outputs[0])[-1], "length of the diagonal")
    rows = np.arange(n) + max(-offset, 0)
    pairs = np.stack([rows, rows + offset], 1)
    front = g.op("Transpose", g.name(x), perm=[dim1, dim2, *[i for i in range(rank) if i not in (dim1, dim2)]])
    taken = g.op("GatherND", front, g.const(pairs))
    return g.op("Transpose", taken, perm=[*range(1, rank - 1), 0])


@to_onnx("setitem")
def setitem(g, step, x, v, key):
    """x with v at x[key]: the places are found by taking the same key of all places."""
    sizes = g.ints(g.dims(x))
    count = g.op("ReduceProd", sizes, keepdims=0)
    places = g.op("Reshape", g.op("Range", g.const(np.int64(0)), count, g.const(np.int64(1))), sizes)
    taken = _taken(g, places, g.dims(x), key)
    flat = g.const(np.array([-1]))
    value = g.op("Expand", g.operand(v, x.dtype), g.op("Shape", taken))
    written = g.op("ScatterElements", g.op("Reshape", g.name(x), flat), g.op("Reshape", taken, flat), g.op("Reshape", value, flat), axis=0)
    return g.op("Reshape", written, sizes)


@to_onnx("masked_select")
def masked_select(g, step, x, mask):
    sizes = np.broadcast_shapes(x.shape, mask.shape)
    if sizes != x.shape or sizes != mask.shape:
        raise g.unsupported("broadcasts the tensor and its mask; expand() them first")
    return g.op("GatherND", g.name(x), g.op("Transpose", g.op("NonZero", g.name(mask)), perm=[1, 0]))


@to_onnx("index_copy", "index_add")
def index_rows(g, step, x, index, v, dim):
    """Whole slices written (or added) at places of one dimension, which goes to the front for it."""
    rank, adds = len(x.shape), step.name == "index_add"
    if adds and g.opset < 16:
        raise g.unsupported("needs opset 16 or later: pass opset_version=16")
    order = [dim, *(i for i in range(rank) if i != dim)]
    back = [order.index(i) for i in range(rank)]
    rows = g.op("Unsqueeze", g.operand(index, np.int64), g.const(np.array([1])))
    front, value = (g.op("Transpose", g.operand(t, x.dtype), perm=order) for t in (x, v))
    made = g.op("ScatterND", front, rows, value, reduction="add" if adds else None)
    return g.op("Transpose", made, perm=back)


@to_onnx("im2col")
def im2col(g, step, x, kernel, stride, padding, dilation):
    """Windows as columns: the rows of each window, then its columns, by index."""
    name = g.name(x)
    if any(padding):
        name = g.op("Pad", name, g.const(np.array([0, 0, *padding, 0, 0, *padding])))
    space = [g.static(n, "size") + 2 * p for n, p in zip(g.dims(x)[2:], padding)]
    for axis, n, k, s, d in zip((2, 4), space, kernel, stride, dilation):
        out = (n - d * (k - 1) - 1) // s + 1
        name = g.op("Gather", name, g.const(np.arange(k)[:, None] * d + np.arange(out) * s), axis=axis)
    return g.op("Reshape", g.op("Transpose", name, perm=[0, 1, 2, 4, 3, 5]), g.ints(g.dims(step.outputs[0])))


@to_onnx("col2im")
def col2im(g, step, x, space, kernel, stride, padding, dilation):
    if g.opset < 18:
        raise g.unsupported("needs opset 18 or later: pass opset_version=18")
    flat = g.op("Reshape", g.name(x), g.ints([g.dims(x)[0], -1 if len(x.shape) > 3 else g.dims(x)[1], int(np.prod(x.shape[-1:]))]))
    return g.op("Col2Im", flat, g.ints(space), g.ints(kernel), strides=list(stride), pads=[*padding, *padding], dilations=list(dilation))
