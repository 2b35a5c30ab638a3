"""What Gaussian processes raise."""

from ...errors.teaching import RuntimeError

__all__ = ["NanError", "NotPSDError"]


class NotPSDError(RuntimeError):
    """A covariance matrix is not positive definite, even with jitter."""


class NanError(RuntimeError):
    """A covariance matrix has nan in it."""
