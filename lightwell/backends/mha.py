"""Whether MultiheadAttention may take a quicker path in inference: kept as it is set, there is one path here."""

_fastpath = True


def get_fastpath_enabled() -> bool:
    """The switch."""
    return _fastpath


def set_fastpath_enabled(value: bool) -> None:
    """Set the switch."""
    global _fastpath
    _fastpath = value
