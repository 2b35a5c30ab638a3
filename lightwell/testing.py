"""`torch.testing`: are two results close, and tensors of random numbers to try things with."""

from .errors.teaching import AssertionError, TypeError, ValueError

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

_TOLERANCE = {  # dtype name: (relative, absolute), a few roundings of the dtype
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip


def assert_close(
    actual, expected, *, allow_subclasses: bool = True, rtol=None, atol=None, equal_nan: bool = False, check_device: bool = True,
    check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False, msg=None,
) -> None:  # fmt: skip
    """Assert |actual - expected| <= atol + rtol·|expected|, for tensors, arrays, numbers, and sequences and dicts of them.

    The tolerances default to a few roundings of the dtype (both or neither must be given); dtype, device, layout and, where
    asked, stride must agree too. AssertionError tells how many elements differ and by how much; `msg` replaces its text, or
    is a function of it. TypeError for what can't be compared, ValueError for one tolerance alone.

    >>> import lightwell as torch
    >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-7]))
    """
    if (rtol is None) != (atol is None):
        given, missing = ("rtol", "atol") if atol is None else ("atol", "rtol")
        raise ValueError(f"rtol and atol must both be specified or both be unspecified, but got {given} and no {missing}")
    options = (allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride)
    found = _difference(actual, expected, "", options)
    if found is not None:
        raise AssertionError(found if msg is None else msg(found) if callable(msg) else msg)


def _difference(a, b, path: str, options) -> "str | None":
    """What differs between `a` and `b`, in words; None where they are close."""
    from collections.abc import Mapping, Sequence

    import numpy as np

    import lightwell as lw

    where = f"\n\nThe failure occurred for item {path}" if path else ""
    tensors = isinstance(a, lw.Tensor), isinstance(b, lw.Tensor)
    if not any(tensors):
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            if a.keys() != b.keys():
                return f"The keys of the mappings do not match: {sorted(map(str, a))} != {sorted(map(str, b))}.{where}"
            return _first(_difference(a[k], b[k], f"{path}[{k!r}]", options) for k in a)
        if isinstance(a, Sequence) and isinstance(b, Sequence) and not isinstance(a, str) and not isinstance(b, str):
            if len(a) != len(b):
                return f"The length of the sequences do not match: {len(a)} != {len(b)}.{where}"
            return _first(_difference(x, y, f"{path}[{i}]", options) for i, (x, y) in enumerate(zip(a, b)))
        if a is None and b is None:
            return None
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            return _tensors(lw.as_tensor(a), lw.as_tensor(b), where, options)
        numbers = (int, float, complex, np.number, np.bool_)
        if isinstance(a, numbers) and isinstance(b, numbers):
            if options[5] and type(a) is not type(b):
                return f"The (d)types do not match: {type(a)} != {type(b)}.{where}"
            return _scalars(a, b, where, options)
    elif all(tensors):
        if not options[0] and type(a) is not type(b):
            return f"The subclasses do not match: {type(a)} != {type(b)}.{where}"
        return _tensors(a.detach(), b.detach(), where, options)
    raise TypeError(
        f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}: give two tensors, two arrays, two numbers, "
        "or sequences or mappings of them"
    )


def _first(found):
    return next((f for f in found if f is not None), None)


def _tolerance(options, *dtypes) -> tuple:
    if options[1] is not None:
        return options[1], options[2]
    known = [_TOLERANCE.get(d.name, (0.0, 0.0)) for d in dtypes]
    return max(k[0] for k in known), max(k[1] for k in known)


def _scalars(a, b, where, options):
    import cmath

    import lightwell as lw

    rtol, atol = _tolerance(options, *(lw.tensor(v, dtype=lw.float64 if isinstance(v, float) else None).dtype for v in (a, b)))
    nans = cmath.isnan(a) and cmath.isnan(b)
    if (nans and options[3]) or a == b or abs(a - b) <= atol + rtol * abs(b) < float("inf"):
        return None
    return (
        f"Scalars are not {'close' if rtol or atol else 'equal'}!\n\nExpected {b} but got {a}.\n"
        f"Absolute difference: {abs(a - b)}{f' (up to {atol} allowed)' if rtol or atol else ''}\n"
        f"Relative difference: {abs(a - b) / abs(b) if b else float('inf')}{f' (up to {rtol} allowed)' if rtol or atol else ''}{where}"
    )


def _tensors(a, b, where, options):
    import lightwell as lw

    checks = [("shape", a.shape, b.shape, True), ("device", a.device, b.device, options[4]), ("dtype", a.dtype, b.dtype, options[5])]
    checks.append(("layout", a.layout, b.layout, options[6]))
    for name, x, y, wanted in checks:
        if wanted and x != y:
            return f"The values for attribute '{name}' do not match: {x} != {y}.{where}"
    if a.layout is not lw.strided:
        a, b = a.to_dense(), b.to_dense()
    if options[7] and a.stride() != b.stride():
        return f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}.{where}"
    rtol, atol = _tolerance(options, a.dtype, b.dtype)
    wide = lw.complex128 if a.is_complex() or b.is_complex() else lw.float64
    if a.dtype is b.dtype and not a.is_floating_point() and not a.is_complex() and not rtol and not atol:
        same = a == b
    else:
        same = lw.isclose(a.to(wide), b.to(wide), rtol=rtol, atol=atol, equal_nan=options[3])
    if bool(same.all()):
        return None
    x, y = a.to(wide), b.to(wide)
    lost = (~same).sum().item()
    gap = (x - y).abs()
    gap = gap.masked_fill(same, 0.0)
    ratio = (gap / y.abs()).masked_fill(same, 0.0)
    close = "close" if rtol or atol else "equal"
    whole = not a.is_floating_point() and not a.is_complex()
    lines = [f"Tensor-likes are not {close}!\n", f"Mismatched elements: {lost} / {a.numel()} ({lost / a.numel():.1%})"] if a.ndim else [
        f"Scalars are not {close}!\n", f"Expected {b.item()} but got {a.item()}."
    ]  # fmt: skip
    for name, values, allowed in (("absolute", gap, atol), ("relative", ratio, rtol)):
        place = values.argmax().item() if values.numel() else 0
        worst = values.flatten()[place].item()
        worst = int(worst) if whole and name == "absolute" else worst
        index = tuple(i.item() for i in lw.unravel_index(lw.tensor(place), values.shape)) if values.ndim else ()
        at = f" at index {index}" if values.ndim else ""
        head = f"Greatest {name} difference" if values.ndim else f"{name.title()} difference"
        lines.append(f"{head}: {worst}{at}{f' (up to {allowed} allowed)' if rtol or atol else ''}")
    return "\n".join(lines) + where


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan: bool = True, msg: str = "") -> None:
    """`assert_close` without looking at dtypes; nan equals nan (the older name).

    >>> import lightwell as torch
    >>> torch.testing.assert_allclose(torch.ones(2), 1.0)
    """
    import lightwell as lw

    actual = actual if isinstance(actual, lw.Tensor) else lw.tensor(actual)
    expected = expected if isinstance(expected, lw.Tensor) else lw.tensor(expected, dtype=actual.dtype)
    if actual.shape != expected.shape and expected.numel() == 1:
        expected = expected.expand_as(actual)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, check_stride=False, msg=msg or None)


def make_tensor(
    *shape, dtype, device="cpu", low=None, high=None, requires_grad: bool = False, noncontiguous: bool = False,
    exclude_zero: bool = False, memory_format=None,
):  # fmt: skip
    """A tensor of random numbers in [low, high): [-9, 9) unless given, [0, 10) for unsigned integers, both values for bool.

    `noncontiguous` gives one with gaps in memory, `exclude_zero` none that holds a 0. ValueError where low >= high.

    >>> import lightwell as torch
    >>> torch.testing.make_tensor(2, 3, dtype=torch.float64).shape
    torch.Size([2, 3])
    """
    import lightwell as lw

    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    if dtype is lw.bool:
        defaults = (0, 2)
    elif not dtype.is_floating_point and not dtype.is_complex:
        defaults = (-9, 10) if dtype.is_signed else (0, 10)
    else:
        defaults = (-9, 9)
    low, high = defaults[0] if low is None else low, defaults[1] if high is None else high
    if not low < high:
        raise ValueError(f"make_tensor: low must be less than high, got low={low} and high={high}")
    if noncontiguous and memory_format is not None:
        raise ValueError("make_tensor: noncontiguous and memory_format contradict each other; give one of them")
    drawn = (*shape[:-1], 2 * shape[-1]) if noncontiguous and shape and lw.Size(shape).numel() > 1 else shape
    if dtype.is_complex:
        real = lw.float32 if dtype is lw.complex64 else lw.float64
        t = lw.complex(*(lw.empty(drawn, dtype=real).uniform_(low, high) for _ in range(2)))
    elif dtype.is_floating_point:
        t = lw.empty(drawn, dtype=lw.float32 if dtype.itemsize < 4 else dtype).uniform_(low, high).to(dtype)
    else:
        t = lw.randint(int(low), int(high), drawn, dtype=lw.int64).to(dtype)
    if exclude_zero:
        t = t.masked_fill(t == 0, 1)
    if drawn != shape:
        t = t[..., ::2]
    if memory_format is not None:
        t = t.clone(memory_format=memory_format)
    return t.requires_grad_(requires_grad)
