"""Intel's MKL: not part of this build."""


def is_available() -> bool:
    """Whether Intel's MKL can be used: False in this build."""
    return False


def is_built() -> bool:
    """Whether this build knows Intel's MKL: False."""
    return False
