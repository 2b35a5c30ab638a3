"""oneDNN: not part of this build."""


def is_available() -> bool:
    """Whether oneDNN can be used: False in this build."""
    return False


def is_built() -> bool:
    """Whether this build knows oneDNN: False."""
    return False
