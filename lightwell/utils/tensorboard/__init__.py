"""`torch.utils.tensorboard`: event files for TensorBoard, written with its own library (`pip install lightwell[tensorboard]`)."""

from ._need import need_tensorboard

need_tensorboard()

from tensorboard.summary.writer.record_writer import RecordWriter  # noqa: E402

from .writer import FileWriter, SummaryWriter  # noqa: E402

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]
