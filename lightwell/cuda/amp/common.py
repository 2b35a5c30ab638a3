"""`torch.cuda.amp.common`."""

__all__ = ["amp_definitely_not_available"]


def amp_definitely_not_available() -> bool:
    """Whether mixed precision on a GPU is out of the question: True, there being no GPU."""
    return True
