"""`torch.cuda.streams`: queues of GPU work, under the names of `torch.cuda`."""

from . import Event, Stream

__all__ = ["Event", "Stream"]
