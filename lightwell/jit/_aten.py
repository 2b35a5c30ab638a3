"""ATen's operations by the names and argument orders that TorchScript and `torch.ops.aten` use, on our public functions.

Most are our own functions under the same name; here stands what differs: whole numbers for dtypes, layouts and
reductions, other orders of arguments, and the operations on Python's numbers, lists and dicts.
"""

import functools
import math
import operator

from .. import dtypes, overrides
from ..errors.teaching import RuntimeError
from ..tensor import Tensor

# the whole numbers that stand for dtypes in TorchScript
DTYPES = dict(enumerate("uint8 int8 int16 int32 int64 float16 float32 float64 complex32 complex64 complex128 bool".split())) | {
    15: "bfloat16", 23: "float8_e5m2", 24: "float8_e4m3fn",
}  # fmt: skip
_CODES = {name: code for code, name in DTYPES.items()}
_REDUCTION = ("none", "mean", "sum")
_FORBIDDEN = frozenset(("from_file", "compile", "set_num_threads", "set_num_interop_threads"))


def dtype_of(code):
    """The dtype of a TorchScript number (or None, or a dtype)."""
    if type(code) is int:
        if code not in DTYPES or not hasattr(dtypes, DTYPES[code]):
            raise RuntimeError(f"TorchScript's dtype number {code} stands for no dtype of this build")
        return getattr(dtypes, DTYPES[code])
    return code


def code_of(dtype) -> int:
    """TorchScript's number of a dtype."""
    return _CODES[dtype.name]


def _lw():
    import lightwell

    return lightwell


def _F():
    from ..nn import functional

    return functional


@functools.cache
def find(name: str):
    """The function of an ATen operation's name; None for one that isn't known."""
    if name in _FORBIDDEN:
        return None
    if name in _SPECIAL:
        return _SPECIAL[name]
    back = overrides._table()[2]
    plain = None
    for prefix in ("torch.", "torch.nn.functional."):
        plain = plain or back.get(prefix + name)
    for space in ("linalg", "fft", "special"):
        if plain is None and name.startswith(space + "_"):
            plain = back.get(f"torch.{space}.{name[len(space) + 1 :]}")
    if plain is None and isinstance(vars(Tensor).get(name), type(find.__wrapped__)) and name not in overrides._CORE:
        plain = vars(Tensor)[name]
    if plain is None and name in _PYTHON:
        return _PYTHON[name]
    if plain is None and name.endswith("_") and not name.endswith("__") and find(name[:-1]) is not None:
        return _written(find(name[:-1]))
    if plain is None:
        return None
    return _either(name, plain)


def _written(plain):
    """The twin of an operation that writes over its first argument."""

    def write_over(x, *args, **kwargs):
        return x.copy_(plain(x, *args, **kwargs))

    return write_over


def _either(name: str, plain):
    """`plain` for tensors, Python's own operation for numbers and lists; dtype numbers and layouts are put right."""
    python = _PYTHON.get(name)

    @functools.wraps(plain)
    def call(*args, **kwargs):
        if python is not None and not any(isinstance(a, Tensor) or hasattr(type(a), "__torch_function__") for a in args):
            if not (args and isinstance(args[0], (list, tuple)) and args[0] and isinstance(args[0][0], Tensor) and name not in _LISTS):
                return python(*args)
        if kwargs:
            kwargs = options(kwargs)
        return plain(*args, **kwargs)

    return call


def options(kwargs: dict) -> dict:
    """Keyword arguments of tensor options as our functions take them."""
    out = {}
    for key, value in kwargs.items():
        if key == "dtype":
            if value is not None:
                out[key] = dtype_of(value)
        elif key in ("layout", "pin_memory", "non_blocking", "memory_format", "implicit") or (
            key in ("device", "generator") and value is None
        ):
            continue
        else:
            out[key] = value
    return out


_LISTS = frozenset("len add append __getitem__ __contains__ eq ne list extend insert pop reverse copy sort slice _set_item".split())


# ---- numbers, texts, lists, dicts ---------------------------------------------------------------------------------------


def _append(items, value):
    items.append(value)
    return items


def _set_item(items, key, value):
    items[key] = value
    return items


def _format(text, *values):
    parts = text.split("{}")  # not str.format, whose fields can reach into objects
    return "".join(part + (str(v) if i < len(parts) - 1 else "") for i, (part, v) in enumerate(zip(parts, (*values, *[""] * len(parts)))))


def _slice(x, *rest):
    if isinstance(x, Tensor):
        dim, start, end, step = (*rest, *(0, None, None, 1)[len(rest) :])
        at = dim % x.dim()
        return x[(slice(None),) * at + (slice(start, _end(end), step),)]
    start, end, step = (*rest, *(None, None, 1)[len(rest) :])
    return x[slice(start, _end(end), step)]


def _end(n):
    return None if n is not None and n >= 2**63 - 1 else n


def _derive_index(i, start, step):
    return start + i * step


def _range_length(low, high, step):
    return len(range(low, high, step))


def _divide(a, b):
    return a / b


def _size(x, dim=None):
    return [int(n) for n in x.shape] if dim is None else int(x.shape[dim])


_PYTHON = {
    **{n: getattr(operator, n) for n in "add sub mul floordiv neg eq ne lt le gt ge pow".split()},
    "div": _divide, "truediv": _divide, "remainder": operator.mod, "fmod": math.fmod, "abs": abs, "round": round, "floor": math.floor,
    "ceil": math.ceil, "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "sin": math.sin, "cos": math.cos, "tan": math.tan, "tanh": math.tanh,
    "max": max, "min": min, "sum": sum, "all": all, "any": any, "isinf": math.isinf, "isnan": math.isnan, "isfinite": math.isfinite,
    "bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_xor": operator.xor, "logical_not": operator.not_,
    "sort": lambda items, reverse=False: items.sort(reverse=reverse), "copy": lambda items: items.copy(), "slice": _slice,
    "reverse": lambda items: items.reverse(), "index": lambda items, v: items.index(v), "split": lambda text, *rest: text.split(*rest),
}  # fmt: skip

# ---- what differs ---------------------------------------------------------------------------------------------------


def _convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups, *flags):
    """The convolution that all others are forms of."""
    F, n = _F(), weight.dim() - 2
    if transposed:
        return getattr(F, f"conv_transpose{n}d")(
            input, weight, bias, tuple(stride), tuple(padding), tuple(output_padding), groups, tuple(dilation)
        )
    return getattr(F, f"conv{n}d")(input, weight, bias, tuple(stride), tuple(padding), tuple(dilation), groups)


def _pool(name: str):
    def pool(input, kernel_size, stride=(), *rest, **named):
        return getattr(_F(), name)(input, kernel_size, stride or None, *rest, **named)

    return pool


def _max_pool(name: str, indices: bool):
    def pool(input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False):
        return getattr(_F(), name)(input, kernel_size, stride or None, padding, dilation, ceil_mode, indices)

    return pool


def _to(x, *args, dtype=None, layout=None, device=None, pin_memory=None, non_blocking=False, copy=False, memory_format=None):
    """Every form of aten::to."""
    import lightwell as lw

    for a in args:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, (str, lw.device)):
            device = a
        elif type(a) is int and dtype is None:
            dtype = a
        elif isinstance(a, dtypes.dtype):
            dtype = a
    dtype = dtype_of(dtype)
    if device is not None:
        x = x.to(lw.device(device))
    return x.to(dtype, copy=copy) if dtype is not None else x.clone() if copy else x


def _softmax(name: str):
    def run(input, dim, dtype=None, *rest):
        return getattr(_lw(), name)(
            input, dim, dtype=None if dtype is False or dtype is True else dtype_of(dtype)
        )  # half_to_float: GPUs only

    return run


def _norm(name: str):
    def run(input, shape, weight=None, bias=None, eps=1e-5, *flags, **named):
        return getattr(_F(), name)(input, shape, weight, bias, eps)

    return run


def _reduced(name: str, places: int):
    """A loss whose reduction is a number behind `places` arguments."""

    def run(*args, **kwargs):
        args = list(args)
        if len(args) > places:
            kwargs["reduction"] = args.pop(places)
        kwargs["reduction"] = (
            _REDUCTION[kwargs.get("reduction", 1)] if not isinstance(kwargs.get("reduction"), str) else kwargs["reduction"]
        )
        return getattr(_F(), name)(*args, **kwargs)

    return run


def _cross_entropy(input, target, weight=None, reduction=1, ignore_index=-100, label_smoothing=0.0):
    return _F().cross_entropy(
        input, target, weight, ignore_index=ignore_index, reduction=_REDUCTION[reduction], label_smoothing=label_smoothing
    )


def _nll(input, target, weight=None, reduction=1, ignore_index=-100):
    return _F().nll_loss(input, target, weight, ignore_index=ignore_index, reduction=_REDUCTION[reduction])


def _bce_logits(input, target, weight=None, pos_weight=None, reduction=1):
    return _F().binary_cross_entropy_with_logits(input, target, weight, reduction=_REDUCTION[reduction], pos_weight=pos_weight)


def _bce(input, target, weight=None, reduction=1):
    return _F().binary_cross_entropy(input, target, weight, reduction=_REDUCTION[reduction])


def _smooth(input, target, reduction=1, beta=1.0):
    return _F().smooth_l1_loss(input, target, reduction=_REDUCTION[reduction], beta=beta)


def _huber(input, target, reduction=1, delta=1.0):
    return _F().huber_loss(input, target, reduction=_REDUCTION[reduction], delta=delta)


def _index(x, indices):
    return x[tuple(slice(None) if i is None else i for i in indices)]


def _index_put_(x, indices, values, accumulate=False):
    if accumulate:
        return x.index_put_(tuple(indices), values, accumulate=True)
    x[tuple(slice(None) if i is None else i for i in indices)] = values
    return x


def _upsample(mode: str, aligned: bool):
    def run(input, size, *rest):
        align = rest[0] if aligned and rest and isinstance(rest[0], bool) else None
        factors = next((r for r in rest if isinstance(r, (list, tuple)) and r), None)
        if size is not None:
            return _F().interpolate(input, tuple(size), mode=mode, align_corners=align)
        return _F().interpolate(input, scale_factor=tuple(factors), mode=mode, align_corners=align)

    return run


def _elu(x, alpha=1.0, scale=1.0, input_scale=1.0):
    return _F().elu(x * input_scale if input_scale != 1 else x, alpha) * (scale if scale != 1 else 1)


def _full(size, fill, **kwargs):
    return _lw().full(tuple(size), fill, **options(kwargs))


def _made(name: str):
    def run(size, *rest, **kwargs):
        return getattr(_lw(), name)(tuple(size) if isinstance(size, (list, tuple)) else size, *rest, **options(kwargs))

    return run


def _like(name: str):
    def run(x, *rest, **kwargs):
        return getattr(_lw(), name)(x, *rest, **options(kwargs))

    return run


def _new(name: str):
    def run(x, *rest, **kwargs):
        return getattr(x, name)(*rest, **options(kwargs))

    return run


def _tensor(data, **kwargs):
    return _lw().tensor(data, **{k: v for k, v in options(kwargs).items() if k in ("dtype", "device", "requires_grad")})


def _warn(message, stacklevel=2):
    import warnings

    warnings.warn(message, stacklevel=3)


def _contains(items, value):
    return value in items


def _rsub(x, other, alpha=1):
    return _lw().rsub(x, other, alpha=alpha)


def _embedding(weight, indices, padding_idx=-1, *rest):
    return _lw().embedding(weight, indices, padding_idx)


def _einsum(equation, tensors, path=None):
    return _lw().einsum(equation, *tensors)


def _plain_tensor(x):
    return _lw().tensor(x) if not isinstance(x, Tensor) else x


def _implicit(x):
    return x.item() if isinstance(x, Tensor) else x


def _attention(q, k, v, mask=None, p=0.0, causal=False, *, scale=None, enable_gqa=False):
    return _F().scaled_dot_product_attention(q, k, v, mask, p, causal, scale=scale, enable_gqa=enable_gqa)


def _gelu(x, *, approximate="none"):
    return _F().gelu(x, approximate=approximate)


def _dropout(name: str):
    def run(x, p, train):
        return getattr(_F(), name)(x, p, train)

    return run


_SPECIAL = {
    "_convolution": _convolution, "convolution": _convolution, "to": _to, "_to_copy": _to, "softmax": _softmax("softmax"),
    "_softmax": _softmax("softmax"), "_log_softmax": _softmax("log_softmax"), "log_softmax": _softmax("log_softmax"),
    "layer_norm": _norm("layer_norm"), "group_norm": _norm("group_norm"),
    **{f"max_pool{n}d": _max_pool(f"max_pool{n}d", False) for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": _max_pool(f"max_pool{n}d", True) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _pool(f"avg_pool{n}d") for n in (1, 2, 3)},
    **{n: _reduced(n, 2) for n in ("mse_loss", "l1_loss", "soft_margin_loss")},
    "kl_div": _reduced("kl_div", 2), "cross_entropy_loss": _cross_entropy, "nll_loss": _nll, "nll_loss_nd": _nll, "nll_loss2d": _nll,
    "binary_cross_entropy_with_logits": _bce_logits, "binary_cross_entropy": _bce, "smooth_l1_loss": _smooth, "huber_loss": _huber,
    "index": _index, "index_put_": _index_put_, "slice": _slice, "elu": _elu, "full": _full, "tensor": _tensor, "warn": _warn,
    "upsample_nearest1d": _upsample("nearest", False), "upsample_nearest2d": _upsample("nearest", False),
    "upsample_nearest3d": _upsample("nearest", False), "upsample_linear1d": _upsample("linear", True),
    "upsample_bilinear2d": _upsample("bilinear", True), "upsample_trilinear3d": _upsample("trilinear", True),
    "upsample_bicubic2d": _upsample("bicubic", True), "size": _size, "sym_size": _size, "rsub": _rsub, "embedding": _embedding,
    **{n: _made(n) for n in ("zeros", "ones", "empty", "rand", "randn")},
    **{f"{n}_like": _like(f"{n}_like") for n in ("zeros", "ones", "empty", "rand", "randn", "full")},
    **{f"new_{n}": _new(f"new_{n}") for n in ("zeros", "ones", "empty", "full")},
    "einsum": _einsum, "scaled_dot_product_attention": _attention, "gelu": _gelu,
    **{n: _dropout(n) for n in ("dropout", "alpha_dropout")}, "feature_dropout": _dropout("dropout2d"),
    **{f"{n}_": _dropout(n) for n in ("dropout",)},
    # Python's own
    "len": len, "append": _append, "list": list, "format": _format, "str": str, "ord": ord, "chr": chr, "hex": hex, "bin": bin,
    "__getitem__": operator.getitem, "_set_item": _set_item, "__contains__": _contains, "__is__": operator.is_, "__isnot__": operator.is_not,
    "__not__": operator.not_, "__and__": operator.and_, "__or__": operator.or_, "__xor__": operator.xor, "floordiv": operator.floordiv,
    "__lshift__": operator.lshift, "__rshift__": operator.rshift, "__range_length": _range_length, "__derive_index": _derive_index,
    "extend": lambda items, more: items.extend(more), "insert": lambda items, i, v: items.insert(i, v), "pop": lambda items, *i: items.pop(*i),
    "clear": lambda items: items.clear(), "keys": lambda d: list(d.keys()), "values": lambda d: list(d.values()),
    "items": lambda d: list(d.items()), "get": lambda d, k, *rest: d.get(k, *rest), "update": lambda d, e: d.update(e),
    "Delete": lambda d, k: d.__delitem__(k), "setdefault": lambda d, k, v: d.setdefault(k, v), "dict": dict,
    "Int": int, "Float": float, "Bool": bool, "IntImplicit": _implicit, "FloatImplicit": _implicit, "ScalarImplicit": _implicit,
    "NumToTensor": _plain_tensor, "as_tensor": _plain_tensor, "item": lambda x: x.item(), "device": lambda x, *index: x.device if isinstance(x, Tensor) else _lw().device(x, *index),
    "dtype": lambda x: code_of(x.dtype), "shape": _size, "requires_grad": lambda x: x.requires_grad, "data": lambda x: x.data,
    "is_cuda": lambda x: False, "layout": lambda x: 0, "T": lambda x: x.T, "mT": lambda x: x.mT, "H": lambda x: x.H, "real": lambda x: x.real,
    "imag": lambda x: x.imag, "dim": lambda x: x.dim(), "numel": lambda x: x.numel(), "startswith": str.startswith, "endswith": str.endswith,
    "join": str.join, "lower": str.lower, "upper": str.upper, "strip": str.strip, "replace": str.replace, "find": str.find,
    "mathremainder": math.remainder, "is_grad_enabled": lambda: _lw().is_grad_enabled(), "manual_seed": lambda n: None,
    "_assert_tensor_metadata": lambda *a, **k: None, "is_scripting": lambda: True, "is_autocast_enabled": lambda *a: False,
    "is_autocast_cpu_enabled": lambda: False, "contiguous": lambda x, memory_format=0: x.contiguous(),
    "clone": lambda x, memory_format=None: x.clone(), "detach": lambda x: x.detach(), "alias": lambda x: x.view_as(x),
}  # fmt: skip
