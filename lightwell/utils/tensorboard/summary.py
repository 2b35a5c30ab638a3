"""What is logged, as TensorBoard's Summary messages: one function for each kind."""

import io
import json
import logging
import wave

import numpy as np
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData
from tensorboard.plugins.text.plugin_data_pb2 import TextPluginData

from ...errors.teaching import AssertionError, ValueError
from ._need import need_pillow
from .arrays import make_np, to_bytes, to_hwc, video_to_frames
from .hparams import hparams

__all__ = [
    "audio", "custom_scalars", "histogram", "histogram_raw", "hparams", "image", "image_boxes", "make_histogram", "mesh", "pr_curve", "pr_curve_raw",
    "scalar", "tensor_proto", "text", "video",
]  # fmt: skip

logger = logging.getLogger(__name__)


def _shape(*sizes) -> TensorShapeProto:
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=int(s)) for s in sizes])


def _plugin(name: str, content: bytes = b"") -> SummaryMetadata:
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=name, content=content))


def _one(**value) -> Summary:
    return Summary(value=[Summary.Value(**value)])


def scalar(name, tensor, collections=None, new_style=False, double_precision=False) -> Summary:
    """A number: a simple value, or (`new_style`) a tensor of the scalars plugin. AssertionError for several numbers."""
    a = make_np(tensor if not isinstance(tensor, (str, bytes)) else float(tensor)).squeeze()
    if a.ndim != 0:
        raise AssertionError(
            f"Tensor should contain one element (0 dimensions).             Was given size: {a.size} and {a.ndim} dimensions."
        )
    value = float(a)
    if not new_style:
        return _one(tag=name, simple_value=value)
    made = TensorProto(double_val=[value], dtype="DT_DOUBLE") if double_precision else TensorProto(float_val=[value], dtype="DT_FLOAT")
    return _one(tag=name, tensor=made, metadata=_plugin("scalars"))


# ---- histograms ---------------------------------------------------------------------------------------------------------


def make_histogram(values: np.ndarray, bins, max_bins=None) -> HistogramProto:
    """Counts of the values between limits that `numpy.histogram` finds, empty buckets at both ends left out.

    ValueError where there are no values.
    """
    if values.size == 0:
        raise ValueError("The input has no element.")
    values = values.reshape(-1)
    counts, limits = np.histogram(values, bins=bins)
    if max_bins is not None and len(counts) > max_bins:
        step = len(counts) // max_bins
        counts = np.pad(counts, (0, -len(counts) % step)).reshape(-1, step).sum(1)
        limits = np.append(limits[:-1][::step], limits[-1])
    seen = np.flatnonzero(counts)
    if not seen.size:  # nan is in no bucket
        first, last = 0, len(counts) - 1
    else:
        first, last = seen[0], seen[-1]
    # One empty bucket goes before: TensorBoard draws a bucket from the limit of the one before it.
    counts = np.concatenate([[0], counts[first : last + 1]])
    limits = limits[first : last + 2]
    return HistogramProto(
        min=values.min(), max=values.max(), num=len(values), sum=values.sum(), sum_squares=values.dot(values),
        bucket_limit=limits.tolist(), bucket=counts.tolist(),
    )  # fmt: skip


def histogram(name, values, bins, max_bins=None) -> Summary:
    """The distribution of all values of a tensor."""
    return _one(tag=name, histo=make_histogram(make_np(values).astype(float), bins, max_bins))


def histogram_raw(name, min, max, num, sum, sum_squares, bucket_limits, bucket_counts) -> Summary:
    """A histogram counted elsewhere."""
    made = HistogramProto(min=min, max=max, num=num, sum=sum, sum_squares=sum_squares, bucket_limit=bucket_limits, bucket=bucket_counts)
    return _one(tag=name, histo=made)


# ---- pictures, sound, text ----------------------------------------------------------------------------------------------


def _picture(picture) -> Summary.Image:
    out = io.BytesIO()
    picture.save(out, format="PNG")
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[picture.mode]
    return Summary.Image(height=picture.height, width=picture.width, colorspace=channels, encoded_image_string=out.getvalue())


def _resized(a: np.ndarray, rescale: float, what: str):
    Image = need_pillow(what)
    picture = Image.fromarray(a)
    if rescale != 1:
        picture = picture.resize((int(picture.width * rescale), int(picture.height * rescale)), Image.Resampling.LANCZOS)
    return picture


def image(tag, tensor, rescale=1, dataformats="NCHW") -> Summary:
    """A picture, or several side by side: uint8 from 0 to 255, other types from 0 to 1."""
    a = to_bytes(to_hwc(make_np(tensor), dataformats))
    return _one(tag=tag, image=_picture(_resized(a, rescale, "add_image()")))


def image_boxes(tag, tensor_image, tensor_boxes, rescale=1, dataformats="CHW", labels=None) -> Summary:
    """A picture with red rectangles (x0, y0, x1, y1), and labels over them."""
    need_pillow("add_image_with_boxes()")
    from PIL import ImageDraw, ImageFont

    a = to_bytes(to_hwc(make_np(tensor_image), dataformats))
    picture = _resized(a, 1, "add_image_with_boxes()")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default()
    for i, (x0, y0, x1, y1) in enumerate(make_np(tensor_boxes).reshape(-1, 4).tolist()):
        corners = sorted((x0, x1)), sorted((y0, y1))
        draw.rectangle([corners[0][0], corners[1][0], corners[0][1], corners[1][1]], outline="red", width=2)
        if labels and i < len(labels):
            left, top, right, bottom = draw.textbbox((x0, y0), str(labels[i]), font=font)
            up = bottom - top + 2
            draw.rectangle([left - 1, top - up, right + 1, bottom - up], fill="red")
            draw.text((x0, y0 - up), str(labels[i]), fill="black", font=font)
    if rescale != 1:
        picture = picture.resize((int(picture.width * rescale), int(picture.height * rescale)))
    return _one(tag=tag, image=_picture(picture))


def video(tag, tensor, fps=4) -> Summary:
    """Videos (N, T, C, H, W) side by side, as an animated GIF."""
    Image = need_pillow("add_video()")
    frames = to_bytes(video_to_frames(make_np(tensor)))
    h, w, c = frames.shape[1:]
    if c not in (1, 3, 4):
        raise ValueError(f"add_video(): a video has 1, 3 or 4 channels in dimension 2, got {c}")
    pictures = [Image.fromarray(f[:, :, 0] if c == 1 else f) for f in frames]
    out = io.BytesIO()
    pictures[0].save(out, format="GIF", save_all=True, append_images=pictures[1:], duration=max(int(1000 / fps), 10), loop=0)
    return _one(tag=tag, image=Summary.Image(height=h, width=w, colorspace=c, encoded_image_string=out.getvalue()))


def audio(tag, tensor, sample_rate=44100) -> Summary:
    """One channel of sound in -1 … 1, as 16-bit WAV; what is louder is clipped, with a warning in the log."""
    a = make_np(tensor).squeeze()
    if abs(a).max() > 1:
        logger.warning("add_audio(): amplitudes outside [-1, 1] are clipped")
        a = a.clip(-1, 1)
    if a.ndim != 1:
        raise AssertionError("input tensor should be 1 dimensional.")
    samples, out = (a * 32767.0).astype("<i2"), io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(samples.tobytes())
    made = Summary.Audio(
        sample_rate=sample_rate, num_channels=1, length_frames=samples.size, encoded_audio_string=out.getvalue(), content_type="audio/wav"
    )
    return _one(tag=tag, audio=made)


def text(tag, text) -> Summary:
    """A text, which TensorBoard shows as Markdown."""
    content = TextPluginData(version=0).SerializeToString()
    made = TensorProto(dtype="DT_STRING", string_val=[text.encode("utf_8")], tensor_shape=_shape(1))
    return _one(tag=tag + "/text_summary", metadata=_plugin("text", content), tensor=made)


# ---- tensors, curves, meshes --------------------------------------------------------------------------------------------

_KINDS = {
    "f2": ("DT_HALF", "half_val"), "f4": ("DT_FLOAT", "float_val"), "f8": ("DT_DOUBLE", "double_val"), "i1": ("DT_INT8", "int_val"),
    "i2": ("DT_INT16", "int_val"), "i4": ("DT_INT32", "int_val"), "i8": ("DT_INT64", "int64_val"), "u1": ("DT_UINT8", "int_val"),
    "b1": ("DT_BOOL", "bool_val"), "c8": ("DT_COMPLEX64", "scomplex_val"), "c16": ("DT_COMPLEX128", "dcomplex_val"),
}  # fmt: skip


def tensor_proto(tag, tensor) -> Summary:
    """A tensor as it is; ValueError for an empty one, or of a dtype that TensorBoard has no name for."""
    if tensor.numel() * tensor.itemsize >= 2**31:
        raise ValueError("tensor is bigger than protocol buffer's hard limit of 2GB in size")
    a = make_np(tensor)
    kind = _KINDS.get(a.dtype.str[1:])
    if kind is None:
        raise ValueError(f"{tag} has unsupported tensor dtype {tensor.dtype}")
    dtype, field = kind
    values = a.reshape(-1)
    if field == "half_val":
        values = values.view(np.uint16)
    elif a.dtype.kind == "c":
        values = values.view(a.real.dtype)
    made = TensorProto(dtype=dtype, tensor_shape=_shape(*a.shape), **{field: values.tolist()})
    return _one(tag=tag, metadata=_plugin("tensor"), tensor=made)


def compute_curve(labels, predictions, num_thresholds=127, weights=None) -> np.ndarray:
    """(6, thresholds): true and false positives, true and false negatives, precision and recall above each threshold."""
    weights = 1.0 if weights is None else weights
    bucket = np.floor(predictions * (num_thresholds - 1)).astype(np.int32)
    positive = labels.astype(np.float64)
    span = {"bins": num_thresholds, "range": (0, num_thresholds - 1)}

    def above(amount):  # how much lies in each bucket and in those over it
        return np.histogram(bucket, weights=amount * weights, **span)[0][::-1].cumsum()[::-1]

    tp, fp = above(positive), above(1.0 - positive)
    precision, recall = tp / np.maximum(1e-7, tp + fp), tp / np.maximum(1e-7, tp[0])
    return np.stack((tp, fp, fp[0] - fp, tp[0] - tp, precision, recall))


def _curve(tag, data: np.ndarray, num_thresholds: int) -> Summary:
    content = PrCurvePluginData(version=0, num_thresholds=num_thresholds).SerializeToString()
    made = TensorProto(dtype="DT_FLOAT", float_val=data.reshape(-1).tolist(), tensor_shape=_shape(*data.shape))
    return _one(tag=tag, metadata=_plugin("pr_curves", content), tensor=made)


def pr_curve(tag, labels, predictions, num_thresholds=127, weights=None) -> Summary:
    """The precision-recall curve of predictions in [0, 1] against labels 0 and 1."""
    num_thresholds = min(num_thresholds, 127)
    return _curve(tag, compute_curve(labels, predictions, num_thresholds, weights), num_thresholds)


def pr_curve_raw(tag, tp, fp, tn, fn, precision, recall, num_thresholds=127, weights=None) -> Summary:
    """A precision-recall curve computed elsewhere."""
    return _curve(tag, np.stack((tp, fp, tn, fn, precision, recall)), min(num_thresholds, 127))


def custom_scalars(layout) -> Summary:
    """Which scalars the custom-scalars page draws together: {category: {title: ["Multiline" or "Margin", tags]}}."""
    categories = []
    for title, charts in layout.items():
        made = []
        for name, (kind, tags) in charts.items():
            if kind == "Margin":
                if len(tags) != 3:
                    raise AssertionError(f"a margin chart takes three tags (value, lower, upper), got {len(tags)}")
                series = layout_pb2.MarginChartContent.Series(value=tags[0], lower=tags[1], upper=tags[2])
                made.append(layout_pb2.Chart(title=name, margin=layout_pb2.MarginChartContent(series=[series])))
            else:
                made.append(layout_pb2.Chart(title=name, multiline=layout_pb2.MultilineChartContent(tag=tags)))
        categories.append(layout_pb2.Category(title=title, chart=made))
    content = layout_pb2.Layout(category=categories).SerializeToString()
    made = TensorProto(dtype="DT_STRING", string_val=[content], tensor_shape=TensorShapeProto())
    return _one(tag="custom_scalars__config__", tensor=made, metadata=_plugin("custom_scalars"))


def mesh(tag, vertices, colors, faces, config_dict, display_name=None, description=None) -> Summary:
    """Points (B, N, 3) in space, their colours (B, N, 3) from 0 to 255, and triangles (B, M, 3) between them."""
    from tensorboard.plugins.mesh import metadata
    from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData

    parts = ((vertices, MeshPluginData.VERTEX), (faces, MeshPluginData.FACE), (colors, MeshPluginData.COLOR))
    parts = [(t, kind) for t, kind in parts if t is not None]
    components = metadata.get_components_bitmask([kind for _, kind in parts])
    config = json.dumps(config_dict, sort_keys=True)
    values = []
    for t, kind in parts:
        told = metadata.create_summary_metadata(
            tag, display_name, kind, components, list(t.shape), description=description, json_config=config
        )
        made = TensorProto(dtype="DT_FLOAT", float_val=make_np(t).reshape(-1).tolist(), tensor_shape=_shape(*t.shape))
        values.append(Summary.Value(tag=metadata.get_instance_name(tag, kind), tensor=made, metadata=told))
    return Summary(value=values)
