"""Videos: there is no decoder here, and the functions say what to use."""

from ...errors.teaching import RuntimeError

__all__ = ["read_video", "read_video_timestamps", "write_video"]


def _absent(name):
    raise RuntimeError(
        f"{name}: lightwell has no video codec; read the frames with PyAV (pip install av) or imageio and make tensors of them: "
        "torch.stack([torch.from_numpy(f.to_ndarray(format='rgb24')) for f in av.open(path).decode(video=0)])"
    )


def read_video(filename, start_pts=0, end_pts=None, pts_unit="pts", output_format="THWC"):
    """Raises RuntimeError: no video codec here."""
    _absent("read_video")


def read_video_timestamps(filename, pts_unit="pts"):
    """Raises RuntimeError: no video codec here."""
    _absent("read_video_timestamps")


def write_video(filename, video_array, fps, video_codec="libx264", options=None, **audio):
    """Raises RuntimeError: no video codec here."""
    _absent("write_video")
