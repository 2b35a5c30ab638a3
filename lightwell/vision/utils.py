"""Showing many pictures as one: a grid of tensors, and saving it."""

import math

from lightwell.tensor import Tensor

__all__ = ["make_grid", "save_image"]


def make_grid(tensor, nrow: int = 8, padding: int = 2, normalize=False, value_range=None, scale_each=False, pad_value=0.0) -> Tensor:
    """Pictures (B, C, H, W), or a list of (C, H, W), side by side in one picture (3, H', W'), ``nrow`` in a row.

    ``normalize`` spreads the values over [0, 1], from ``value_range`` or from the smallest and largest found (of each
    picture apart with ``scale_each``). Raises TypeError for anything but tensors.

    >>> import lightwell as torch
    >>> from lightwell.vision.utils import make_grid
    >>> make_grid(torch.zeros(5, 1, 8, 8), nrow=4).shape
    torch.Size([3, 22, 42])
    """
    import lightwell

    if not isinstance(tensor, Tensor):
        if not isinstance(tensor, (list, tuple)) or not all(isinstance(t, Tensor) for t in tensor):
            raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
        tensor = lightwell.stack(list(tensor), dim=0)
    tensor = tensor.detach()
    if tensor.dim() == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.dim() == 3:
        if tensor.size(0) == 1:
            tensor = lightwell.cat([tensor] * 3, 0)
        tensor = tensor.unsqueeze(0)
    if tensor.dim() == 4 and tensor.size(1) == 1:
        tensor = lightwell.cat([tensor] * 3, 1)
    if normalize:
        if value_range is not None and not isinstance(value_range, tuple):
            raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
        tensor = tensor.clone()
        for part in tensor if scale_each else [tensor]:
            low, high = value_range or (float(part.min()), float(part.max()))
            part.clamp_(min=low, max=high).sub_(low).div_(max(high - low, 1e-5))
    if tensor.size(0) == 1:
        return tensor.squeeze(0)
    count, channels = tensor.size(0), tensor.size(1)
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    height, width = tensor.size(2) + padding, tensor.size(3) + padding
    grid = tensor.new_full((channels, height * rows + padding, width * columns + padding), pad_value)
    for i in range(count):
        top, left = (i // columns) * height + padding, (i % columns) * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = tensor[i]
    return grid


def save_image(tensor, fp, format: str | None = None, **kwargs) -> None:
    """Write pictures with values in [0, 1] to a file, as one grid; keywords go to ``make_grid``."""
    from lightwell.vision._pillow import image_module

    grid = make_grid(tensor, **kwargs)
    pixels = grid.mul(255).add_(0.5).clamp_(0, 255).numpy().astype("uint8").transpose(1, 2, 0)
    image_module().fromarray(pixels).save(fp, format=format)
