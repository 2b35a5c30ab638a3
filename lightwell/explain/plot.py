"""`t.plot()`: a tensor as a picture, by its shape: lines, a histogram, a heatmap, or images. Drawn by matplotlib."""

import builtins

import numpy as np

from ..errors.teaching import ImportError, RuntimeError, ValueError
from ..language import say
from ..tensor import Tensor

_CHINESE = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "SimHei", "WenQuanYi Zen Hei", "Arial Unicode MS")
KINDS = ("line", "hist", "heatmap", "image")


def plot(tensor: Tensor, kind: str | None = None, *, ax=None, title: str | None = None, save=None, cmap: str | None = None, **kwargs):
    """Draw a tensor and return the matplotlib axes: `kind` is "line", "hist", "heatmap" or "image", else chosen by the shape.

    A vector is a line; a matrix of up to 8 rows that are longer than they are many is lines, any other a heatmap; (3, H, W),
    (H, W, 3), (1, H, W) and batches (N, C, H, W) of them are images; everything else is a histogram. Numbers of a histogram that
    are not finite are left out. `ax`: axes to draw in; `save`: a file to write. ImportError where matplotlib is missing;
    ValueError: a kind that the shape doesn't allow; RuntimeError: a tensor without numbers.

    >>> import lightwell as torch
    >>> import matplotlib; matplotlib.use("agg")
    >>> torch.linspace(0, 6, 50).sin().plot().get_title()
    'Tensor(50,) float32'
    """
    try:
        import matplotlib.pyplot as plt
    except builtins.ImportError:
        raise ImportError("plot() draws with matplotlib, which is not installed: pip install matplotlib") from None
    if tensor.is_meta:
        raise RuntimeError("plot(): a meta tensor has no numbers to draw")
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()  # type: ignore[attr-defined]
    a = np.asarray(tensor._a)
    a = a.astype(np.float32) if a.dtype.num >= 256 or a.dtype == np.float16 else a
    chosen = kind or _kind_for(a)
    if chosen not in KINDS:
        raise ValueError(f"plot(): argument 'kind' must be one of {', '.join(map(repr, KINDS))}, not {kind!r}")
    if ax is None:
        ax = plt.subplots(figsize=(6, 4))[1]
    if title is None:
        title = f"{'Parameter' if type(tensor).__name__ == 'Parameter' else 'Tensor'}{tuple(a.shape)} {str(tensor.dtype).removeprefix('torch.')}"
    _DRAW[chosen](ax, a, cmap, kwargs)
    ax.set_title(title, fontsize=10)
    if save is not None:
        ax.figure.savefig(save, bbox_inches="tight")
    return ax


def _kind_for(a: np.ndarray) -> str:
    if _as_images(a) is not None and a.ndim > 2:
        return "image"
    if a.ndim == 1 and a.size > 1:
        return "line"
    if a.ndim == 2 and min(a.shape) > 1:
        return "line" if a.shape[0] <= 8 and a.shape[1] > 4 * a.shape[0] else "heatmap"
    return "hist"


def _as_images(a: np.ndarray) -> np.ndarray | None:
    """Images as (N, H, W, C) with C 1 or 3 (or 4); None for a shape that is none."""
    if a.dtype.kind == "c" or not a.size:
        return None
    channels = (1, 3, 4) if a.dtype == np.uint8 else (1, 3)  # four channels of other numbers are rarely colours
    if a.ndim == 2:
        return a[None, :, :, None]
    if a.ndim == 3 and a.shape[0] in channels and min(a.shape[1:]) > 4:
        return np.moveaxis(a, 0, -1)[None]
    if a.ndim == 3 and a.shape[-1] in channels and min(a.shape[:2]) > 4:
        return a[None]
    if a.ndim == 4 and a.shape[1] in channels and min(a.shape[2:]) > 4:
        return np.moveaxis(a, 1, -1)
    if a.ndim == 4 and a.shape[-1] in channels and min(a.shape[1:3]) > 4:
        return a
    return None


def _label(en: str, zh: str, axis: str = "x") -> dict:
    """The keywords of a label: in Chinese only where there is a font for it."""
    if say(en, zh) == zh:
        from matplotlib import font_manager

        installed = {f.name for f in font_manager.fontManager.ttflist}
        font = next((f for f in _CHINESE if f in installed), None)
        if font is not None:
            return {f"{axis}label": zh, "fontfamily": font}
    return {f"{axis}label": en}


def _line(ax, a, cmap, kwargs) -> None:
    if a.ndim > 2:
        raise ValueError(f"plot(): lines need a tensor of one or two dimensions, this one has shape {list(a.shape)}")
    a = np.abs(a) if a.dtype.kind == "c" else a
    for i, row in enumerate(np.atleast_2d(a)):
        ax.plot(row, label=None if a.ndim < 2 else f"[{i}]", **kwargs)
    if a.ndim == 2 and a.shape[0] > 1:
        ax.legend(fontsize=8)
    ax.set_xlabel(**_label("index", "下标"))
    ax.grid(alpha=0.3)


def _hist(ax, a, cmap, kwargs) -> None:
    values = np.abs(a).reshape(-1) if a.dtype.kind == "c" else a.reshape(-1)
    values = values.astype(np.float64)
    values = values[np.isfinite(values)]
    ax.hist(values, **{"bins": 50, **kwargs})
    ax.set_xlabel(**_label("value", "数值"))
    ax.set_ylabel(**_label("how many", "个数", "y"))


def _heatmap(ax, a, cmap, kwargs) -> None:
    if a.ndim != 2:
        raise ValueError(f"plot(): a heatmap needs a tensor of two dimensions, this one has shape {list(a.shape)}")
    a = np.abs(a) if a.dtype.kind == "c" else a.astype(np.float64)
    finite = a[np.isfinite(a)]
    signed = finite.size and finite.min() < 0 < finite.max()
    most = float(np.abs(finite).max()) if signed else None
    ends = {"vmin": -most, "vmax": most} if most is not None else {}
    shown = ax.imshow(a, cmap=cmap or ("RdBu_r" if signed else "viridis"), aspect="auto", **{"interpolation": "nearest", **ends, **kwargs})
    ax.figure.colorbar(shown, ax=ax)


def _image(ax, a, cmap, kwargs) -> None:
    images = _as_images(a)
    if images is None:
        raise ValueError(f"plot(): images need a shape such as (3, H, W), (H, W) or (N, C, H, W), this one has {list(a.shape)}")
    images = images[:64].astype(np.float64)
    columns = int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    _, h, w, c = images.shape
    low, high = np.nanmin(images), np.nanmax(images)
    if a.dtype == np.uint8:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    images = (images - low) / (high - low if high > low else 1.0)
    sheet = np.ones((rows * (h + 1) - 1, columns * (w + 1) - 1, c))
    for i, image in enumerate(images):
        y, x = (i // columns) * (h + 1), (i % columns) * (w + 1)
        sheet[y : y + h, x : x + w] = image
    shown = sheet[..., 0] if c == 1 else sheet
    ax.imshow(np.clip(np.nan_to_num(shown), 0, 1), cmap=cmap or "gray", **{"vmin": 0, "vmax": 1, "interpolation": "nearest", **kwargs})
    ax.set_axis_off()


_DRAW = {"line": _line, "hist": _hist, "heatmap": _heatmap, "image": _image}
