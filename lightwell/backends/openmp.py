"""OpenMP: not part of this build."""


def is_available() -> bool:
    """Whether OpenMP can be used: False in this build."""
    return False


def is_built() -> bool:
    """Whether this build knows OpenMP: False."""
    return False
