"""`torch.distributed.nn`: modules that live on other workers, and collectives with derivatives (`functional`)."""

from .remote_module import RemoteModule

__all__ = ["RemoteModule"]
