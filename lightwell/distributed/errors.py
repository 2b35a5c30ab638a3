"""What goes wrong between processes; all are RuntimeErrors."""

from ..errors.teaching import RuntimeError


class DistError(RuntimeError):
    """Any error of `torch.distributed`."""


class DistBackendError(DistError):
    """A process group could not do its work: a rank died, or was too late."""


class DistNetworkError(DistError):
    """A connection could not be made, or broke."""


class DistStoreError(DistError):
    """A store's key did not appear in time."""


class QueueEmptyError(DistStoreError):
    """A store's queue had nothing to give and was not to be waited for."""


for _error in (DistError, DistBackendError, DistNetworkError, DistStoreError, QueueEmptyError):
    _error.__module__ = "torch.distributed"
