"""Apple's GPUs: not part of this build."""


def is_available() -> bool:
    """Whether Apple's GPUs can be used: False in this build."""
    return False


def is_built() -> bool:
    """Whether this build knows Apple's GPUs: False."""
    return False
