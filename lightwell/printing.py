"""Turns arrays into the text of `repr(tensor)`, to the character as PyTorch 2.13 prints it; keeps the print options.

Knows nothing of Tensor: takes NumPy arrays (bfloat16 and float8 through ml_dtypes) and strings.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lightwell.errors.teaching import TypeError, ValueError

__all__ = ["get_printoptions", "meta_repr", "printoptions", "set_printoptions", "sparse_repr", "tensor_repr"]

_PROFILES: dict[str, dict] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": float("inf"), "edgeitems": 3, "linewidth": 80},
}

_options: dict[str, Any] = {**_PROFILES["default"], "sci_mode": None}

_INDEX_LABELS = {
    "torch.sparse_coo": ("indices",),
    "torch.sparse_csr": ("crow_indices", "col_indices"),
    "torch.sparse_bsr": ("crow_indices", "col_indices"),
    "torch.sparse_csc": ("ccol_indices", "row_indices"),
    "torch.sparse_bsc": ("ccol_indices", "row_indices"),
}


# ---- print options


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print, from the next `repr` on.

    `precision` is the number of digits after the point, `threshold` the number of elements above which a tensor is
    summarised, `edgeitems` how many items are then kept at each end of a dimension, `linewidth` the columns of a line.
    `profile` ("default", "short", "full"; others change nothing) sets those four first. `sci_mode` forces scientific
    notation on (True) or off (False); None, which every call without it restores, lets the values decide.
    Raises ValueError if `precision` is negative and TypeError if it is no integer.

    >>> import lightwell as torch
    >>> torch.set_printoptions(precision=2)
    >>> torch.tensor([1.12345])
    tensor([1.12])
    >>> torch.set_printoptions(profile="default")
    """
    if precision is not None:
        if not isinstance(precision, (int, np.integer)):
            raise TypeError(f"set_printoptions(): argument 'precision' must be an int, got {type(precision).__name__}; pass e.g. 4")
        if precision < 0:
            raise ValueError(f"set_printoptions(): argument 'precision' must be at least 0, got {precision}")
    if profile is not None:
        _options.update(_PROFILES.get(profile, {}))
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({name: value for name, value in given.items() if value is not None})
    _options["sci_mode"] = sci_mode


def get_printoptions() -> dict:
    """Return a copy of the print options in force, as keyword arguments of `set_printoptions`.

    >>> from lightwell.printing import get_printoptions
    >>> get_printoptions()["linewidth"]
    80
    """
    return dict(_options)


@contextmanager
def printoptions(**kwargs) -> Iterator[None]:
    """Set print options for the length of a `with` block; takes what `set_printoptions` takes, raises what it raises.

    >>> import lightwell as torch
    >>> from lightwell.printing import printoptions
    >>> with printoptions(sci_mode=True):
    ...     torch.tensor([1.5])
    tensor([1.5000e+00])
    """
    saved = get_printoptions()
    try:
        set_printoptions(**kwargs)
        yield
    finally:
        _options.update(saved)


# ---- numbers to text


def _float_cells(values: np.ndarray, counted: np.ndarray | None = None) -> tuple[list[str], int]:
    """Format float64 values in one common style; return the texts, unpadded, and the width of their column."""
    if counted is None:
        # Zeros, nan and inf choose neither the style nor the width, so they can stick out of the column.
        counted = np.isfinite(values) & (values != 0)
    numbers = values.tolist()
    precision, forced = _options["precision"], _options["sci_mode"]
    scale = values[counted]
    whole, sci = True, False
    if scale.size:
        whole = bool((scale == np.ceil(scale)).all())
        size = np.abs(scale)
        # Python floats: a quotient too large becomes inf without a NumPy warning.
        low, high = float(size.min()), float(size.max())
        sci = high / low > 1000.0 or high > 1e8 or (not whole and low < 1e-4) if forced is None else bool(forced)
    if sci:
        spec, point = f".{precision}e", ""
    elif whole:
        spec, point = ".0f", "."
    else:
        spec, point = f".{precision}f", ""
    cells = [format(x, spec) for x in numbers]
    if point:
        cells = [text if text[-1] in "fn" else text + point for text in cells]
    return cells, max((len(cells[i]) for i in np.flatnonzero(counted).tolist()), default=1)


def _complex_cells(values: np.ndarray) -> tuple[list[str], int]:
    """Format complex128 values: real and imaginary parts each in a style of their own."""
    reals, real_width = _float_cells(values.real)
    imags, imag_width = _float_cells(values.imag)
    cells = [
        f"{re.rjust(real_width)}{im}j" if im[0] == "-" else f"{re.rjust(real_width)}+{im}j" for re, im in zip(reals, imags, strict=True)
    ]
    return cells, real_width + imag_width + 1


def _cells(array: np.ndarray) -> tuple[list, int]:
    """Texts of all elements in C order, padded to their column, and the column's width."""
    flat = array.reshape(-1)
    kind = flat.dtype.kind
    if kind == "c":
        return _complex_cells(flat.astype(np.complex128))
    if kind in "biu":
        cells = [str(x) for x in flat.tolist()]
        width = max(map(len, cells), default=1)
    else:
        values, counted = flat.astype(np.float64), None
        if flat.dtype.name == "float8_e8m0fnu":
            # This dtype has neither zero nor inf: there PyTorch takes the smallest number for zero and counts nan.
            counted = values != 2.0**-127
        cells, width = _float_cells(values, counted)
    return [text.rjust(width) for text in cells], width


# ---- cells to rows


def _layout(cells: list, cut: tuple[bool, ...], indent: int, width: int) -> str:
    """Bracket nested lists of cells; `cut[d]` says that dimension d lost its middle, `indent` is the column of `[`."""
    if len(cut) > 1:
        rows = [_layout(row, cut[1:], indent + 1, width) for row in cells]
        gap, between = "...", "," + "\n" * (len(cut) - 1) + " " * (indent + 1)
    else:
        rows = cells
        gap, between = " ...", ",\n" + " " * (indent + 1)
    if cut[0]:
        half = len(rows) // 2
        rows = [*rows[:half], gap, *rows[half:]]
    if len(cut) == 1:
        per_line = max(1, int((_options["linewidth"] - indent) // (width + 2)))
        rows = [", ".join(rows[i : i + per_line]) for i in range(0, len(rows), per_line)]
    return "[" + between.join(rows) + "]"


def _body(array: np.ndarray, indent: int) -> str:
    """Text of a non-empty array whose first bracket stands in column `indent`."""
    edge, cut = _options["edgeitems"], (False,) * array.ndim
    if array.size > _options["threshold"]:
        if edge <= 0 and array.ndim:
            return "[...]"
        cut = tuple(n > 2 * edge for n in array.shape)
        if any(cut):
            # One indexing with all kept positions copies the shown elements and touches no others.
            ends = zip(array.shape, cut, strict=True)
            kept = [[*range(edge), *range(n - edge, n)] if shorter else range(n) for n, shorter in ends]
            array = array[np.ix_(*kept)]
    cells, width = _cells(array)
    if not cut:
        return cells[0]
    for n in reversed(array.shape[1:]):
        cells = [cells[i : i + n] for i in range(0, len(cells), n)]
    return _layout(cells, cut, indent, width)


# ---- what stands around the numbers


def _size_text(size: Sequence[int]) -> str:
    """A shape as PyTorch writes it after `size=`."""
    return str(tuple(int(n) for n in size))


def _shows_dtype(dtype_name: str, default_dtype: str, empty: bool) -> bool:
    """Whether the dtype is told: it is, where the numbers do not tell it."""
    if dtype_name == default_dtype:
        return False
    if empty:
        return True
    default_complex = "torch.complex128" if default_dtype == "torch.float64" else "torch.complex64"
    return dtype_name not in ("torch.int64", "torch.bool", default_complex)


def _graph_part(grad_fn_name: str | None, requires_grad: bool) -> list[str]:
    """The tensor's place in the graph, if it has one."""
    if grad_fn_name is not None:
        return [f"grad_fn=<{grad_fn_name}>"]
    return ["requires_grad=True"] if requires_grad else []


def _close(text: str, parts: Sequence[str], indent: int, on_new_line: bool = False) -> str:
    """Append the parts to the text, breaking the line where one would not fit, and close the bracket."""
    # The text starts at column 0 with its prefix, so the length of its last line is the column reached.
    column = len(text) - text.rfind("\n") + 1
    pieces = [text]
    for part in parts:
        if on_new_line or column + len(part) + 2 > _options["linewidth"]:
            pieces.append(",\n" + " " * indent + part)
            column = indent + len(part)
            on_new_line = False
        else:
            pieces.append(", " + part)
            column += len(part) + 2
    return "".join(pieces) + ")"


def _name_of(array: np.ndarray) -> str:
    """PyTorch's name of an array's dtype."""
    return f"torch.{array.dtype.name}"


def tensor_repr(
    array: np.ndarray,
    *,
    dtype_name: str | None = None,
    default_dtype: str = "torch.float32",
    device: str | None = None,
    grad_fn_name: str | None = None,
    requires_grad: bool = False,
    prefix: str = "tensor(",
    extra: Sequence[str] = (),
) -> str:
    """Text of a dense tensor that holds `array`, as `repr` gives it.

    `dtype_name` ("torch.float32", ...) is the array's own unless given; it is shown unless it is `default_dtype`, the
    complex dtype that goes with it, int64 or bool (an empty tensor shows all but `default_dtype`). `device` is shown if
    given, so callers pass None for the CPU. `grad_fn_name` wins over `requires_grad`. `extra` are further parts
    ("names=('N',)") in front of the bracket. Reads only the elements that are shown. Raises nothing of its own.

    >>> import numpy as np
    >>> from lightwell.printing import tensor_repr
    >>> tensor_repr(np.array([1.5, 2]), grad_fn_name="AddBackward0")
    'tensor([1.5000, 2.0000], dtype=torch.float64, grad_fn=<AddBackward0>)'
    """
    array = np.asarray(array)
    indent = len(prefix)
    parts = [] if device is None else [f"device='{device}'"]
    if array.size:
        # With no edge items a large tensor shows nothing but its size; PyTorch then tells it of small ones too.
        body, tell_size = _body(array, indent), _options["edgeitems"] == 0
    else:
        body, tell_size = "[]", array.ndim != 1
    if tell_size:
        parts.append("size=" + _size_text(array.shape))
    dtype_name = dtype_name or _name_of(array)
    if _shows_dtype(dtype_name, default_dtype, not array.size):
        parts.append("dtype=" + dtype_name)
    parts += [*_graph_part(grad_fn_name, requires_grad), *extra]
    return _close(prefix + body, parts, indent)


def meta_repr(
    size: Sequence[int],
    *,
    dtype_name: str,
    default_dtype: str = "torch.float32",
    device: str = "meta",
    grad_fn_name: str | None = None,
    requires_grad: bool = False,
    prefix: str = "tensor(",
    extra: Sequence[str] = (),
) -> str:
    """Text of a tensor without data, of which only size and dtype can be told; the keywords are `tensor_repr`'s.

    >>> from lightwell.printing import meta_repr
    >>> meta_repr((2, 3), dtype_name="torch.float32")
    "tensor(..., device='meta', size=(2, 3))"
    """
    parts = [f"device='{device}'", "size=" + _size_text(size)]
    if dtype_name != default_dtype:
        parts.append("dtype=" + dtype_name)
    parts += [*_graph_part(grad_fn_name, requires_grad), *extra]
    return _close(prefix + "...", parts, len(prefix))


def sparse_repr(
    indices: np.ndarray | Sequence[np.ndarray],
    values: np.ndarray,
    size: Sequence[int],
    nnz: int,
    *,
    layout: str = "torch.sparse_coo",
    dtype_name: str | None = None,
    default_dtype: str = "torch.float32",
    device: str | None = None,
    grad_fn_name: str | None = None,
    requires_grad: bool = False,
    prefix: str = "tensor(",
    extra: Sequence[str] = (),
) -> str:
    """Text of a sparse tensor of the given size from its index arrays and its values.

    `indices` is one array of shape (sparse_dim, nnz) for "torch.sparse_coo", and the pair (compressed, plain) for
    "torch.sparse_csr", "_csc", "_bsr" and "_bsc"; the other keywords are `tensor_repr`'s. Raises ValueError for another
    layout or a wrong number of index arrays.

    >>> import numpy as np
    >>> from lightwell.printing import sparse_repr
    >>> print(sparse_repr(np.array([[0, 1], [2, 0]]), np.array([3.0, 4.0], np.float32), (2, 3), 2))
    tensor(indices=tensor([[0, 1],
                           [2, 0]]),
           values=tensor([3., 4.]),
           size=(2, 3), nnz=2, layout=torch.sparse_coo)
    """
    labels = _INDEX_LABELS.get(layout)
    if labels is None:
        raise ValueError(f"sparse_repr(): unknown layout {layout!r}; expected one of {', '.join(_INDEX_LABELS)}")
    arrays = (indices,) if len(labels) == 1 else tuple(indices)
    if len(arrays) != len(labels):
        raise ValueError(f"sparse_repr(): {layout} has index arrays {labels}, got {len(arrays)} of them")
    indent, lines = len(prefix), []
    for label, array in zip((*labels, "values"), (*arrays, values), strict=True):
        head, array = f"{label}=tensor(", np.asarray(array)
        body = _body(array, indent + len(head)) if array.size else "[], size=" + _size_text(array.shape)
        lines.append(f"{head}{body})")
    parts = [] if device is None else [f"device='{device}'"]
    parts += ["size=" + _size_text(size), f"nnz={nnz}"]
    dtype_name = dtype_name or _name_of(np.asarray(values))
    if _shows_dtype(dtype_name, default_dtype, False):
        parts.append("dtype=" + dtype_name)
    parts += [f"layout={layout}", *_graph_part(grad_fn_name, requires_grad), *extra]
    text = prefix + (",\n" + " " * indent).join(lines)
    return _close(text, parts, indent, on_new_line=layout == "torch.sparse_coo")
