"""opt_einsum's switches: paths of contraction are found by NumPy here, so that they are kept without effect."""

enabled, strategy = True, "auto"


def is_available() -> bool:
    """Whether opt_einsum can be used: False, it isn't needed."""
    return False


def get_opt_einsum() -> None:
    """The module opt_einsum: None here."""
    return None
