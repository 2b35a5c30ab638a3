"""The rules of operations on DTensors: what each rank computes with its parts, and how the result then lies. Long: it is one table.

A rule gets the public function and its arguments; it may lay the operands differently first, runs the function on the parts, and wraps
the result. A replicated operand of a result that is not replicated goes through `copy_to_sharded`, which sums its gradient over the ranks.
What no rule takes runs on the whole, on every rank.
"""

import math

from ...errors.teaching import RuntimeError
from ...tensor import Tensor
from ._api import DTensor, local_of, wrap_local
from ._redistribute import copy_to_sharded, redistribute_local
from .placement_types import Partial, Replicate, Shard

RULES: dict = {}

_AS_IS = frozenset(
    "requires_grad requires_grad_ is_leaf grad_fn output_nr dtype device layout itemsize element_size ndim dim ndimension get_device backward "
    "retain_grad retains_grad register_hook register_post_accumulate_grad_hook is_floating_point is_complex is_signed is_inference detach_ "
    "_version is_shared share_memory_ pin_memory is_pinned is_quantized is_meta names_ type_as_ storage_offset data_ptr untyped_storage "
    "storage numel_ is_conj is_neg dtype_ _is_view is_tensor".split()
)


def rule(*names):
    """Register a rule(func, args, kwargs) for functions of these names; it may return NotImplemented."""

    def add(function):
        for name in names:
            RULES[name] = function
        return function

    return add


def dispatch(func, args, kwargs):
    """Run a public function of which an argument is a DTensor."""
    from ...overrides import original

    name = func.__name__
    if name in _AS_IS:
        return original(func)(*args, **kwargs)
    found = RULES.get(name)
    if found is not None:
        out = found(func, args, kwargs)
        if out is not NotImplemented:
            return out
    return whole(func, args, kwargs)


# ---- help for rules -------------------------------------------------------------------------------------------------


def laid(d: DTensor, placements) -> DTensor:
    """The DTensor under other placements."""
    return d if tuple(placements) == d.placements else d.redistribute(placements=placements)


def swap(tree, change):
    """Nested arguments with every tensor `t` replaced by `change(t)`."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, (list, tuple)):
        made = [swap(v, change) for v in tree]
        return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)
    if isinstance(tree, dict):
        return {k: swap(v, change) for k, v in tree.items()}
    return tree


def tensors(tree) -> list:
    """All tensors in nested arguments."""
    found: list = []
    swap(tree, lambda t: found.append(t) or t)
    return found


def mesh_of(tree):
    """The mesh of the DTensors in arguments; RuntimeError where there are two, or where plain tensors are mixed in."""
    mesh = None
    for t in tensors(tree):
        if isinstance(t, DTensor):
            if mesh is not None and t.device_mesh != mesh:
                raise RuntimeError(f"DTensors of two meshes can't be combined: {mesh} and {t.device_mesh}")
            mesh = t.device_mesh
    return mesh


def _no_mixture(func, tree):
    for t in tensors(tree):
        if not isinstance(t, DTensor) and t.dim():
            raise RuntimeError(
                f"{func.__name__}: got mixed torch.Tensor and DTensor, need to convert all torch.Tensor to DTensor before calling distributed "
                f"operators! The plain one has shape {list(t.shape)}: see distribute_tensor and DTensor.from_local"
            )


def whole(func, args, kwargs):
    """Run the function on whole tensors, on every rank; its results are replicated. In place: then lay the result as it was."""
    mesh = mesh_of((args, kwargs))
    name = func.__name__
    writes = name.endswith("_") and not name.endswith("__") and args and isinstance(args[0], DTensor)
    rep = [Replicate()] * mesh.ndim
    plain = swap((args, kwargs), lambda t: local_of(laid(t, rep)) if isinstance(t, DTensor) else t)
    if name == "__setitem__" or writes:
        target = plain[0][0].clone()
        out = func(target, *plain[0][1:], **plain[1])
        d = args[0]
        _overwrite(d, redistribute_local(target, d.shape, mesh, rep, d.placements))
        return d if out is target else out
    out = func(*plain[0], **plain[1])
    return swap(out, lambda t: wrap_local(t, mesh, rep, t.shape))


def _overwrite(d, local):
    """Write a part in place, with its history."""
    part = local_of(d)
    part.copy_(local)
    if part._rg and part._node is not None:
        d._node, d._rg = part._node, True
    d._bump()


# ---- element by element ---------------------------------------------------------------------------------------------

_LINEAR = frozenset("add sub neg __add__ __radd__ __sub__ __rsub__ __neg__ __iadd__ __isub__ add_ sub_ neg_ clone contiguous to float double bfloat16 half type_as positive alias".split())  # fmt: skip
_SCALING = frozenset("mul div true_divide __mul__ __rmul__ __truediv__ __imul__ __itruediv__ mul_ div_".split())

_POINTWISE = (
    "abs absolute acos acosh add addcdiv addcmul alias angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh "
    "bernoulli bfloat16 bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bool ceil celu clamp clamp_max "
    "clamp_min clip clone conj contiguous copysign cos cosh deg2rad digamma div divide double dropout elu eq erf erfc erfinv exp exp2 expm1 "
    "feature_alpha_dropout float float_power floor floor_divide fmax fmin fmod frac ge gelu greater greater_equal gt half hardshrink "
    "hardsigmoid hardswish hardtanh heaviside hypot i0 int isclose isfinite isinf isnan isneginf isposinf ldexp le leaky_relu lerp less "
    "less_equal lgamma log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit logsigmoid long lt "
    "masked_fill maximum minimum mish mul multiply nan_to_num ne neg negative nextafter not_equal positive pow rad2deg reciprocal relu relu6 "
    "remainder round rrelu rsqrt rsub selu sgn sigmoid sign signbit silu sin sinc sinh softplus softshrink softsign sqrt square sub subtract "
    "tan tanh tanhshrink threshold to true_divide trunc type_as where xlogy cpu type "
    "empty_like full_like ones_like rand_like randn_like zeros_like alpha_dropout "
    "copy_ fill_ zero_ normal_ uniform_ exponential_ bernoulli_ masked_fill_ random_"
).split()
_DUNDERS = "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow and or xor invert neg pos abs eq ne lt le gt ge iadd isub imul itruediv ipow".split()  # fmt: skip


def pointwise(func, args, kwargs):
    """Operands are laid alike: as the largest sharded one lies (in place: as the tensor written to)."""
    name = func.__name__
    mesh = mesh_of((args, kwargs))
    _no_mixture(func, (args, kwargs))
    operands = [t for t in tensors((args, kwargs)) if isinstance(t, DTensor)]
    writes = (name.endswith("_") and not name.endswith("__")) or name in ("__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__")
    writes = writes and isinstance(args[0], DTensor)
    shape = _joint_shape([tuple(t.shape) for t in operands])
    out = list(args[0].placements) if writes else [_joint_placement(name, operands, j, shape, args) for j in range(mesh.ndim)]
    if (
        writes
        and any(isinstance(p, Partial) for p in out)
        and name not in ("add_", "sub_", "zero_", "__iadd__", "__isub__")
        and not (name in _SCALING and len(operands) == 1)
    ):
        return NotImplemented
    if name.endswith("_like"):
        out = [Replicate() if isinstance(p, Partial) else p for p in out]

    def part(t):
        if not isinstance(t, DTensor):
            return t
        wanted, copies = [], []
        for j, p in enumerate(out):
            now = t.placements[j]
            if isinstance(p, Shard):
                dim = p.dim - (len(shape) - t.dim())
                if dim >= 0 and t.shape[dim] != 1:
                    wanted.append(Shard(dim))
                else:
                    wanted.append(Replicate())
                    copies.append(j)
            elif isinstance(p, Partial) and name in _SCALING and not isinstance(now, Partial):
                wanted.append(Replicate())
                copies.append(j)
            else:
                wanted.append(p)
        local = local_of(laid(t, wanted))
        return copy_to_sharded(local, mesh, copies) if local._rg else local

    local_args, local_kwargs = swap((args, kwargs), part)
    if writes:
        d = args[0]
        local = local_of(d)
        result = func(local, *local_args[1:], **local_kwargs)
        if result._rg and result._node is not d._node:
            d._node, d._rg = result._node, True
        d._bump()
        return d
    result = func(*local_args, **local_kwargs)
    return swap(result, lambda t: wrap_local(t, mesh, out, shape))


def _joint_shape(shapes) -> tuple:
    n = max(map(len, shapes))
    out = [1] * n
    for shape in shapes:
        for i, s in enumerate(shape, n - len(shape)):
            if s != 1:
                if out[i] not in (1, s):
                    raise RuntimeError(
                        f"The size of tensor a ({out[i]}) must match the size of tensor b ({s}) at non-singleton dimension {i}: DTensors of shapes "
                        f"{', '.join(str(list(x)) for x in shapes)}"
                    )
                out[i] = s
    return tuple(out)


def _joint_placement(name, operands, j, shape, args):
    """How the result lies along mesh dimension j."""
    partial = [t for t in operands if isinstance(t.placements[j], Partial)]
    if partial:
        p = partial[0].placements[j]
        if p.reduce_op in ("sum", "avg"):
            if name in _LINEAR and len(partial) == len(operands) and _all_tensors(args):
                return p
            if name in _SCALING and len(partial) == 1 and args and args[0] is partial[0]:
                if all(isinstance(t.placements[j], Replicate) for t in operands if t is not partial[0]):
                    return p
            if name in ("__rmul__", "mul", "__mul__") and len(operands) == 1:
                return p
        return Replicate()
    best = None
    for t in operands:
        p = t.placements[j]
        if isinstance(p, Shard) and t.shape[p.dim] == shape[p.dim + len(shape) - t.dim()] and (best is None or t.numel() > best[0]):
            best = t.numel(), Shard(p.dim + len(shape) - t.dim())
    return Replicate() if best is None else best[1]


def _all_tensors(args) -> bool:
    """Whether an affine operation has no constant term: adding a number to every rank's term would add it many times."""
    return not any(isinstance(a, (int, float, complex)) and not isinstance(a, bool) and a != 0 for a in args)


for _name in _POINTWISE:
    RULES[_name] = pointwise
    RULES.setdefault(_name + "_", pointwise)
for _name in _DUNDERS:
    RULES[f"__{_name}__"] = pointwise


# ---- products -------------------------------------------------------------------------------------------------------


def _product_plan(a, b, a_shape, b_shape, n):
    """Per mesh dimension: how operands a (..., m, k) and b (..., k, n) are to lie, and how the product lies."""
    nd = max(len(a_shape), len(b_shape))
    ak, am, bk, bn = len(a_shape) - 1, len(a_shape) - 2, len(b_shape) - 2, len(b_shape) - 1
    if isinstance(a, Partial) and isinstance(b, Partial):
        a = Replicate()
    if isinstance(a, Partial):
        return (a, Replicate(), a) if a.reduce_op == "sum" else (Replicate(), Replicate(), Replicate())
    if isinstance(b, Partial):
        return (Replicate(), b, b) if b.reduce_op == "sum" else (Replicate(), Replicate(), Replicate())
    if a.is_shard(ak) or b.is_shard(bk):
        if not (isinstance(a, Shard) and not a.is_shard(ak)) and not (isinstance(b, Shard) and not b.is_shard(bk)):
            return Shard(ak), Shard(bk), Partial()
        if b.is_shard(bk):  # a is cut along rows: b is put together
            return _product_plan(a, Replicate(), a_shape, b_shape, n)
        return _product_plan(Replicate(), b, a_shape, b_shape, n)
    if isinstance(a, Shard):
        out = Shard(a.dim + nd - len(a_shape))
        if a.dim == am:
            return a, Replicate(), out
        other = a.dim + nd - len(a_shape) - (nd - len(b_shape))
        cut = 0 <= other < bk and b_shape[other] != 1
        return a, Shard(other) if cut else Replicate(), out
    if isinstance(b, Shard):
        if b.dim == bn:
            return Replicate(), b, Shard(nd - 1)
        other = b.dim + nd - len(b_shape) - (nd - len(a_shape))
        cut = 0 <= other < am and a_shape[other] != 1
        return Shard(other) if cut else Replicate(), b, Shard(b.dim + nd - len(b_shape))
    return Replicate(), Replicate(), Replicate()


def _prepared(d, placements, out):
    """An operand's part, laid as planned; its gradient summed where the result is in parts and the operand is not."""
    local = local_of(laid(d, placements))
    copies = [j for j, (p, q) in enumerate(zip(placements, out)) if isinstance(p, Replicate) and not isinstance(q, Replicate)]
    return copy_to_sharded(local, d.device_mesh, copies) if local._rg else local


def _product(func, a, b, run):
    if a.dim() < 2 or b.dim() < 2:
        return NotImplemented
    mesh = a.device_mesh
    plans = [_product_plan(p, q, tuple(a.shape), tuple(b.shape), mesh.size(j)) for j, (p, q) in enumerate(zip(a.placements, b.placements))]
    pa, pb, po = (list(column) for column in zip(*plans))
    batch = _joint_shape([tuple(a.shape[:-2]) or (1,), tuple(b.shape[:-2]) or (1,)])
    batch = batch if max(a.dim(), b.dim()) > 2 else ()
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(f"{func.__name__}: shapes {list(a.shape)} and {list(b.shape)} can't be multiplied")
    return wrap_local(run(_prepared(a, pa, po), _prepared(b, pb, po)), mesh, po, (*batch, a.shape[-2], b.shape[-1]))


@rule("matmul", "mm", "bmm", "__matmul__")
def _matmul(func, args, kwargs):
    a, b = args[0], args[1] if len(args) > 1 else next(iter(kwargs.values()))
    mesh_of((a, b))
    _no_mixture(func, (a, b))
    return _product(func, a, b, func)


@rule("addmm")
def _addmm(func, args, kwargs):
    if kwargs or len(args) != 3:
        return NotImplemented
    import lightwell as lw

    return lw.matmul(args[1], args[2]) + args[0]


@rule("linear")
def _linear(func, args, kwargs):
    x, w, bias = (*args, *kwargs.values(), None)[:3]
    mesh_of((x, w, bias))
    _no_mixture(func, (x, w, bias))
    if x.dim() < 2:
        return NotImplemented
    flipped = [Shard(1 - p.dim) if isinstance(p, Shard) else p for p in w.placements]
    mesh, w_shape = x.device_mesh, (w.shape[1], w.shape[0])
    if x.shape[-1] != w.shape[1]:
        raise RuntimeError(f"linear: input of shape {list(x.shape)} and weight of shape {list(w.shape)} can't be multiplied")
    plans = [_product_plan(p, q, tuple(x.shape), w_shape, mesh.size(j)) for j, (p, q) in enumerate(zip(x.placements, flipped))]
    px, pw, po = (list(column) for column in zip(*plans))
    pw = [Shard(1 - p.dim) if isinstance(p, Shard) else p for p in pw]
    local_bias = None
    if bias is not None:
        last = x.dim() - 1
        pb = [Shard(0) if p.is_shard(last) else p if isinstance(p, Partial) else Replicate() for p in po]
        local_bias = _prepared(bias, pb, po)
    out = func(_prepared(x, px, po), _prepared(w, pw, po), local_bias)
    return wrap_local(out, mesh, po, (*x.shape[:-1], w.shape[0]))


# ---- reductions -----------------------------------------------------------------------------------------------------


def _dims(dim, nd) -> list:
    if dim is None or (isinstance(dim, (list, tuple)) and not dim):
        return list(range(nd))
    return [d % nd if nd else 0 for d in (dim if isinstance(dim, (list, tuple)) else (dim,))]


def _reduced(shape, placements, dims, keepdim):
    """(shape, placements) behind a reduction over dimensions that are not cut."""
    out = [1 if i in dims else s for i, s in enumerate(shape)]
    if keepdim:
        return out, list(placements)
    keep = [i for i in range(len(shape)) if i not in dims]
    return [shape[i] for i in keep], [Shard(keep.index(p.dim)) if isinstance(p, Shard) else p for p in placements]


@rule("sum", "mean")
def _sum(func, args, kwargs):
    x, *rest = args
    names = dict(zip(("dim", "keepdim"), rest), **kwargs)
    dim, keepdim, dtype = (
        names.pop("dim", names.pop("axis", None)),
        names.pop("keepdim", names.pop("keepdims", False)),
        names.pop("dtype", None),
    )
    if names or not isinstance(x, DTensor):
        return NotImplemented
    dims = _dims(dim, x.dim())
    mesh = x.device_mesh
    mid = [Partial() if isinstance(p, Shard) and p.dim in dims else p for p in x.placements]
    x = laid(x, [Replicate() if isinstance(p, Partial) and p.reduce_op != "sum" else p for p in x.placements])
    local = local_of(x)
    total = local.sum(dims, keepdim=keepdim, dtype=dtype) if dims else local
    if func.__name__ == "mean":
        total = total / math.prod(x.shape[d] for d in dims)
    shape, placements = _reduced(list(x.shape), mid, dims, keepdim)
    return wrap_local(total, mesh, placements, shape)


def _along(position, keeps_shape, keepdim_at=None):
    """A rule for functions along a dimension, which run on the parts where that dimension is not cut."""

    def along(func, args, kwargs):
        x = args[0]
        if not isinstance(x, DTensor) or any(isinstance(p, Partial) for p in x.placements) or len(tensors((args, kwargs))) != 1:
            return NotImplemented
        dim = kwargs.get("dim", args[position] if len(args) > position else None)
        if dim is None or not isinstance(dim, (int, list, tuple)):
            return NotImplemented
        dims = _dims(dim, x.dim())
        if any(p.is_shard(d) for p in x.placements for d in dims):
            return NotImplemented
        out = func(local_of(x), *args[1:], **kwargs)
        keepdim = kwargs.get("keepdim", args[keepdim_at] if keepdim_at is not None and len(args) > keepdim_at else False)
        shape, placements = (list(x.shape), x.placements) if keeps_shape else _reduced(list(x.shape), x.placements, dims, keepdim)
        return swap(out, lambda t: wrap_local(t, x.device_mesh, placements, shape))

    return along


for _name in ("softmax", "log_softmax", "cumsum", "cumprod", "flip", "sort", "argsort", "softmin", "logcumsumexp"):
    RULES[_name] = _along(1, True)
for _name in ("amax", "amin", "logsumexp", "argmax", "argmin", "prod", "all", "any", "max", "min", "median"):
    RULES[_name] = _along(1, False, 2)


@rule("var", "std")
def _var(func, args, kwargs):
    return _along(1, False)(func, args, kwargs) if len(args) <= 2 else NotImplemented


@rule("layer_norm", "rms_norm")
def _layer_norm(func, args, kwargs):
    x, shape, *rest = args
    if not isinstance(x, DTensor):
        return NotImplemented
    _no_mixture(func, (args, kwargs))
    first = x.dim() - len(shape)
    out = [Replicate() if isinstance(p, Partial) or (isinstance(p, Shard) and p.dim >= first) else p for p in x.placements]
    x = laid(x, out)
    rep = [Replicate()] * len(out)
    rest, kwargs = swap((rest, kwargs), lambda t: _prepared(t, rep, out) if isinstance(t, DTensor) else t)
    return wrap_local(func(local_of(x), shape, *rest, **kwargs), x.device_mesh, out, x.shape)


# ---- changes of shape -----------------------------------------------------------------------------------------------


def _reshaped(x: DTensor, shape, func):
    """Cuts stay where the cut dimension stays, or leads those it is merged with or split into, evenly."""
    shape, mesh = list(shape), x.device_mesh
    if -1 in shape:
        rest = -math.prod(shape)
        shape[shape.index(-1)] = x.numel() // rest if rest else 0
    if math.prod(shape) != x.numel():
        raise RuntimeError(f"shape '{shape}' is invalid for input of size {x.numel()}")
    before = list(x.shape)
    wanted, moved = [], []
    for p in x.placements:
        target = None
        if isinstance(p, Shard):
            n = math.prod(mesh.size(k) for k, q in enumerate(x.placements) if q == p)
            lead = math.prod(before[: p.dim])
            for d in range(len(shape)):
                same = shape[d] == before[p.dim]
                even = before[p.dim] % n == 0 and shape[d] % n == 0
                if math.prod(shape[:d]) == lead and (same or even) and shape[d] != 1:
                    target = Shard(d)
                    break
        keep = target if isinstance(p, Shard) else p
        wanted.append(p if keep is not None else Replicate())
        moved.append(keep if keep is not None else Replicate())
    x = laid(x, wanted)
    from ._redistribute import local_shape_and_offset

    local_shape, _ = local_shape_and_offset(shape, mesh, moved)
    return wrap_local(local_of(x).reshape(local_shape), mesh, moved, shape)


def _shape_args(args):
    return list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else list(args)


@rule("view", "reshape", "_unsafe_view")
def _view(func, args, kwargs):
    if kwargs.get("dtype") is not None or (len(args) == 2 and not isinstance(args[1], (int, list, tuple))):
        return NotImplemented
    return _reshaped(args[0], _shape_args(args[1:] or (kwargs.get("shape", kwargs.get("size")),)), func)


@rule("view_as", "reshape_as")
def _view_as(func, args, kwargs):
    return _reshaped(args[0], list(args[1].shape), func)


@rule("flatten")
def _flatten(func, args, kwargs):
    x, first, last = (*args, *kwargs.values(), *(0, -1)[len(args) - 1 + len(kwargs) :])[:3]
    nd = x.dim()
    first, last = first % nd, last % nd
    return _reshaped(x, [*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]], func)


@rule("unflatten")
def _unflatten(func, args, kwargs):
    if kwargs:
        return NotImplemented
    x, dim, sizes = args
    dim %= x.dim()
    sizes = list(sizes)
    if -1 in sizes:
        sizes[sizes.index(-1)] = x.shape[dim] // -math.prod(sizes)
    return _reshaped(x, [*x.shape[:dim], *sizes, *x.shape[dim + 1 :]], func)


def _permuted(func, x, order, args, kwargs):
    placements = [Shard(order.index(p.dim)) if isinstance(p, Shard) else p for p in x.placements]
    return wrap_local(func(local_of(x), *args, **kwargs), x.device_mesh, placements, [x.shape[i] for i in order])


@rule("transpose", "swapaxes", "swapdims")
def _transpose(func, args, kwargs):
    if kwargs:
        return NotImplemented
    x, a, b = args
    order = list(range(x.dim()))
    order[a], order[b] = order[b], order[a]
    return _permuted(func, x, order, (a, b), {})


@rule("t", "T", "mT")
def _t(func, args, kwargs):
    x = args[0]
    order = list(range(x.dim()))
    if x.dim() >= 2:
        order = [*order[:-2], order[-1], order[-2]] if func.__name__ == "mT" or x.dim() == 2 else order[::-1]
    return _permuted(func, x, order, (), {})


@rule("permute")
def _permute(func, args, kwargs):
    x, order = args[0], [d % args[0].dim() for d in _shape_args(args[1:] or (kwargs["dims"],))]
    return _permuted(func, x, order, (order,), {})


@rule("unsqueeze")
def _unsqueeze(func, args, kwargs):
    x, dim = args[0], (args[1] if len(args) > 1 else kwargs["dim"]) % (args[0].dim() + 1)
    placements = [Shard(p.dim + (p.dim >= dim)) if isinstance(p, Shard) else p for p in x.placements]
    return wrap_local(func(local_of(x), dim), x.device_mesh, placements, [*x.shape[:dim], 1, *x.shape[dim:]])


@rule("squeeze")
def _squeeze(func, args, kwargs):
    dim = args[1] if len(args) > 1 else kwargs.get("dim")
    x = args[0]
    if not isinstance(dim, int):
        return NotImplemented
    dim %= x.dim()
    if x.shape[dim] != 1:
        return x
    if any(p.is_shard(dim) for p in x.placements):
        return NotImplemented
    placements = [Shard(p.dim - (p.dim > dim)) if isinstance(p, Shard) else p for p in x.placements]
    return wrap_local(func(local_of(x), dim), x.device_mesh, placements, [*x.shape[:dim], *x.shape[dim + 1 :]])


@rule("split", "chunk", "tensor_split", "unsafe_chunk", "unsafe_split")
def _split(func, args, kwargs):
    x, how, *dim = args
    dim = (dim[0] if dim else kwargs.get("dim", 0)) % x.dim()
    if any(p.is_shard(dim) for p in x.placements):
        return NotImplemented
    parts = func(local_of(x), how, dim)
    return tuple(wrap_local(t, x.device_mesh, x.placements, [*x.shape[:dim], t.shape[dim], *x.shape[dim + 1 :]]) for t in parts)


# ---- layers ---------------------------------------------------------------------------------------------------------


@rule("embedding")
def _embedding(func, args, kwargs):
    index, weight, *rest = args
    if rest or any(kwargs.get(k) for k in ("max_norm", "sparse", "scale_grad_by_freq")) or not isinstance(weight, DTensor):
        return NotImplemented
    mesh, padding = weight.device_mesh, kwargs.get("padding_idx")
    if not isinstance(index, DTensor):
        index = wrap_local(index, mesh, [Replicate()] * mesh.ndim, index.shape)
    pi, out = [], []
    for p, w in zip(index.placements, weight.placements):
        if isinstance(w, Shard):
            pi.append(Replicate())
            out.append(Shard(index.dim()) if w.dim == 1 else Partial())
        else:
            pi.append(Replicate() if isinstance(p, Partial) else p)
            out.append(pi[-1])
    rows = [j for j, w in enumerate(weight.placements) if w.is_shard(0)]
    if rows and (padding is not None or len(rows) > 1):
        return NotImplemented
    i, w = local_of(laid(index, pi)), _prepared(weight, weight.placements, out)
    if rows:
        (j,) = rows
        a, b = Shard.cut(weight.shape[0], mesh.size(j), mesh.get_local_rank(j))
        mine = (i >= a) & (i < b)
        result = func((i - a) * mine, w) * mine.unsqueeze(-1)
    else:
        result = func(i, w, **kwargs)
    return wrap_local(result, mesh, out, (*index.shape, weight.shape[1]))


@rule("scaled_dot_product_attention")
def _attention(func, args, kwargs):
    q, k, v, *rest = args
    mask = rest[0] if rest else kwargs.get("attn_mask")
    placements = q.placements if isinstance(q, DTensor) else ()
    if mask is not None or not all(isinstance(t, DTensor) and t.placements == placements for t in (q, k, v)):
        return NotImplemented
    if any(isinstance(p, Partial) or (isinstance(p, Shard) and p.dim >= q.dim() - 2) for p in placements):
        return NotImplemented
    out = func(local_of(q), local_of(k), local_of(v), *rest, **kwargs)
    return wrap_local(out, q.device_mesh, placements, (*q.shape[:-1], v.shape[-1]))


@rule("cross_entropy")
def _cross_entropy(func, args, kwargs):
    """With classes in parts: log Σ exp z - z_target, of which the maximum, the sum and the target's logit are gathered by all-reduces."""
    from .parallel.loss import cross_entropy_in_parts

    return cross_entropy_in_parts(func, args, kwargs)
