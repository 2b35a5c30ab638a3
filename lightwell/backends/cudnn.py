"""cuDNN's switches: kept as they are set, without effect on the CPU."""

enabled, benchmark, deterministic, allow_tf32 = True, False, False, True


def is_available() -> bool:
    """Whether cuDNN can be used: False in this build."""
    return False


def version() -> None:
    """cuDNN's version: None in this build."""
    return None
