"""NVIDIA's cuSPARSELt: not part of this build."""

enabled = False


def is_available() -> bool:
    """Whether NVIDIA's cuSPARSELt can be used: False in this build."""
    return False


def version() -> None:
    """Its version: None."""
    return None


def get_max_alg_id() -> None:
    """Its largest algorithm's number: None."""
    return None
