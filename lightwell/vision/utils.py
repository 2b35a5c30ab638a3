"""Showing pictures: many as one grid, saved, with boxes, masks and points drawn in; flows as colours."""

import math
import warnings

import numpy as np

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.tensor import Tensor, wrap
from lightwell.vision._pillow import image_module

from ..errors.level import users_level

__all__ = ["draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks", "flow_to_image", "make_grid", "save_image"]


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
    grid = make_grid(tensor, **kwargs)
    pixels = grid.mul(255).add_(0.5).clamp_(0, 255).numpy().astype("uint8").transpose(1, 2, 0)
    image_module().fromarray(pixels).save(fp, format=format)


def _checked(name, image, channels=(3,)):
    """Raise TypeError or ValueError unless this is one picture of bytes or floats with so many channels."""
    from lightwell import uint8

    if not isinstance(image, Tensor):
        raise TypeError(f"{name}: a tensor picture is expected, got {type(image)}")
    if not (image.dtype == uint8 or image.is_floating_point()):
        raise ValueError(f"The image dtype must be uint8 or float, got {image.dtype}")
    if image.dim() != 3:
        raise ValueError(f"{name}: pass individual images (C, H, W), not batches; got shape {tuple(image.shape)}")
    if image.size(0) not in channels:
        raise ValueError(f"{name}: only pictures of {' or '.join(map(str, channels))} channels are supported, got {image.size(0)}")


def _colours(colors, count, floats=False):
    """One (r, g, b) for each object: given as one colour, as a list of them, or chosen."""
    if colors is None:
        colors = [tuple(i * step % 255 for step in (2**25 - 1, 2**15 - 1, 2**21 - 1)) for i in range(count)]
    elif isinstance(colors, list):
        if len(colors) < count:
            raise ValueError(f"Number of colors must be equal or larger than the number of objects, but got {len(colors)} < {count}.")
    elif not isinstance(colors, (tuple, str)):
        raise ValueError(f"colors must be a tuple or a string, or a list thereof, but got {colors}.")
    elif isinstance(colors, tuple) and len(colors) != 3:
        raise ValueError(f"If passed as tuple, colors should be an RGB triplet, but got {colors}.")
    else:
        colors = [colors] * count
    if any(isinstance(c, str) for c in colors):
        image_module()  # says how to install Pillow where it is missing
        from PIL import ImageColor

        colors = [ImageColor.getrgb(c) if isinstance(c, str) else c for c in colors]
    return [tuple(v / 255 for v in c) for c in colors] if floats else list(colors)


def _as_bytes(image):
    """The picture as a Pillow image of bytes."""
    from lightwell import uint8
    from lightwell.vision.transforms.functional import convert_image_dtype, to_pil_image

    return to_pil_image(convert_image_dtype(image, uint8))


def _as_before(picture, dtype):
    """A Pillow image as a tensor of this dtype."""
    from lightwell.vision.transforms.functional import convert_image_dtype, pil_to_tensor

    return convert_image_dtype(pil_to_tensor(picture), dtype)


def draw_bounding_boxes(
    image,
    boxes,
    labels=None,
    colors=None,
    fill=False,
    width: int = 1,
    font=None,
    font_size=None,
    label_colors=None,
    label_background_colors=None,
    fill_labels: bool = False,
):
    """The picture (1 or 3, H, W) with boxes (N, 4), (x1, y1, x2, y2), drawn into it, each with its label.

    Raises TypeError or ValueError for other pictures, for boxes of another form, for a wrong number of labels or colours.

    >>> import lightwell as torch
    >>> from lightwell.vision.utils import draw_bounding_boxes
    >>> x = torch.zeros(3, 3, 4, dtype=torch.uint8)
    >>> draw_bounding_boxes(x, torch.tensor([[0, 0, 3, 2]]), colors=(9, 0, 0))[0]
    tensor([[9, 9, 9, 9],
            [9, 0, 0, 9],
            [9, 9, 9, 9]], dtype=torch.uint8)
    """
    _checked("draw_bounding_boxes", image, (1, 3))
    if (boxes[:, 0] > boxes[:, 2]).any() or (boxes[:, 1] > boxes[:, 3]).any():
        raise ValueError("Boxes need to be in (xmin, ymin, xmax, ymax) format. Use torchvision.ops.box_convert to convert them")
    count = boxes.shape[0]
    if count == 0:
        warnings.warn("boxes doesn't contain any box. No box was drawn", stacklevel=users_level())
        return image
    labels = [None] * count if labels is None else labels
    if len(labels) != count:
        raise ValueError(f"Number of boxes ({count}) and labels ({len(labels)}) mismatch. Please specify labels for each box.")
    colors = _colours(colors, count)
    text_colors = _colours(label_colors or "black", count) if label_colors or fill_labels else colors
    behind = _colours(label_background_colors, count) if fill_labels and label_background_colors else colors
    if font is None and font_size is not None:
        warnings.warn("Argument 'font_size' will be ignored since 'font' is not set.", stacklevel=users_level())
    image_module()
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default() if font is None else ImageFont.truetype(font=font, size=font_size or 10)
    picture = _as_bytes(image.detach().expand(3, -1, -1))
    draw = ImageDraw.Draw(picture, "RGBA" if fill else None)
    for box, color, label, text, ground in zip(boxes.long().tolist(), colors, labels, text_colors, behind):
        draw.rectangle(box, width=width, outline=color, fill=(*color, 100) if fill else None)
        if label is not None:
            at = (box[0] + width + 1, box[1] + width + 1)
            if fill_labels:
                left, top, right, bottom = draw.textbbox(at, label, font=font)
                draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=ground)
            draw.text(at, label, fill=text, font=font)
    return _as_before(picture, image.dtype)


def draw_segmentation_masks(image, masks, alpha: float = 0.8, colors=None):
    """The picture (3, H, W) with boolean masks (N, H, W) laid over it: (1 - alpha) · picture + alpha · colour, black where they overlap.

    Raises TypeError or ValueError for other pictures or masks.

    >>> import lightwell as torch
    >>> from lightwell.vision.utils import draw_segmentation_masks
    >>> x, mask = torch.zeros(3, 1, 2, dtype=torch.uint8), torch.tensor([[True, False]])
    >>> draw_segmentation_masks(x, mask, alpha=0.5, colors="red")[0]
    tensor([[127,   0]], dtype=torch.uint8)
    """
    import lightwell

    _checked("draw_segmentation_masks", image)
    masks = masks[None] if masks.ndim == 2 else masks
    if masks.ndim != 3:
        raise ValueError(f"masks must be of shape (H, W) or (batch_size, H, W), got {tuple(masks.shape)}")
    if masks.dtype != lightwell.bool:
        raise ValueError(f"The masks must be of dtype bool. Got {masks.dtype}")
    if masks.shape[-2:] != image.shape[-2:]:
        raise ValueError("The image and the masks must have the same height and width")
    if masks.size(0) == 0:
        warnings.warn("masks doesn't contain any mask. No mask was drawn", stacklevel=users_level())
        return image
    picture = image.detach()
    painted = picture.clone()
    for mask, color in zip(masks, _colours(colors, masks.size(0), picture.is_floating_point())):
        painted[:, mask] = lightwell.tensor(color, dtype=picture.dtype)[:, None]
    painted[:, masks.sum(dim=0) > 1] = 0
    return (picture * (1 - alpha) + painted * alpha).to(picture.dtype)


def draw_keypoints(image, keypoints, connectivity=None, colors=None, radius: int = 2, width: int = 3, visibility=None):
    """The picture (3, H, W) with points (N, K, 2) as discs, and lines between the pairs of ``connectivity``.

    ``visibility`` (N, K) leaves points out. Raises TypeError or ValueError for other pictures or shapes.

    >>> import lightwell as torch
    >>> from lightwell.vision.utils import draw_keypoints
    >>> x = torch.zeros(3, 3, 3, dtype=torch.uint8)
    >>> draw_keypoints(x, torch.tensor([[[1, 1]]]), colors="red", radius=1)[0, 1]
    tensor([255, 255, 255], dtype=torch.uint8)
    """
    import lightwell

    _checked("draw_keypoints", image)
    if keypoints.ndim != 3:
        raise ValueError(f"keypoints must be of shape (num_instances, K, 2), got {tuple(keypoints.shape)}")
    seen = lightwell.ones(keypoints.shape[:-1], dtype=lightwell.bool) if visibility is None else visibility
    seen = seen.squeeze(-1) if seen.ndim == 3 else seen
    if tuple(seen.shape) != tuple(keypoints.shape[:-1]):
        raise ValueError(f"visibility must be of shape {tuple(keypoints.shape[:-1])} for these keypoints, got {tuple(seen.shape)}")
    image_module()
    from PIL import ImageDraw

    picture = _as_bytes(image.detach())
    draw = ImageDraw.Draw(picture)
    for points, shown in zip(keypoints.long().tolist(), seen.bool().tolist()):
        for (x, y, *_), visible in zip(points, shown):
            if visible:
                draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colors, outline=None, width=0)
        for a, b in connectivity or ():
            if shown[a] and shown[b]:
                draw.line((tuple(points[a][:2]), tuple(points[b][:2])), width=width)
    return _as_before(picture, image.dtype)


def _colour_wheel():
    """The 55 colours of the directions of a flow, from red through yellow, green, cyan, blue and magenta."""
    parts = []
    for steps, full, rising, falling in (
        (15, 0, 1, None),
        (6, 1, None, 0),
        (4, 1, 2, None),
        (11, 2, None, 1),
        (13, 2, 0, None),
        (6, 0, None, 2),
    ):
        part = np.zeros((steps, 3), np.float32)
        ramp = np.floor(np.float32(255) * np.arange(steps, dtype=np.float32) / np.float32(steps))
        part[:, full] = 255
        part[:, rising if falling is None else falling] = ramp if falling is None else 255 - ramp
        parts.append(part)
    return np.concatenate(parts)


def flow_to_image(flow) -> Tensor:
    """Optical flow (2, H, W) or (N, 2, H, W) as a picture: the direction is the colour, the speed the saturation.

    The fastest pixel is given full colour. Raises ValueError for another shape or dtype. Baker et al. 2011.

    >>> import lightwell as torch
    >>> from lightwell.vision.utils import flow_to_image
    >>> flow_to_image(torch.zeros(2, 1, 2))[:, 0, 0]
    tensor([255, 255, 255], dtype=torch.uint8)
    """
    import lightwell

    if flow.dtype != lightwell.float:
        raise ValueError(f"Flow should be of dtype torch.float, got {flow.dtype}.")
    a = flow.detach().numpy()
    a = a[None] if a.ndim == 3 else a
    if a.ndim != 4 or a.shape[1] != 2:
        raise ValueError(f"Input flow should have shape (2, H, W) or (N, 2, H, W), got {tuple(flow.shape)}.")
    one = np.float32(1)
    a = a / (np.sqrt((a**2).sum(1)).max() + np.finfo(np.float32).eps)
    wheel = _colour_wheel() / np.float32(255)
    place = (np.arctan2(-a[:, 1], -a[:, 0]) / np.float32(np.pi) + one) / np.float32(2) * np.float32(len(wheel) - 1)
    low = np.floor(place).astype(int)
    share = (place - low.astype(np.float32))[..., None]
    colour = (one - share) * wheel[low] + share * wheel[(low + 1) % len(wheel)]
    colour = one - np.sqrt((a**2).sum(1))[..., None] * (one - colour)
    picture = np.floor(np.float32(255) * colour).astype(np.uint8).transpose(0, 3, 1, 2)
    return wrap(np.ascontiguousarray(picture[0] if flow.ndim == 3 else picture))
