"""`torch._assert`: an assertion as a function, so that a traced program can hold it."""

__all__ = ["_assert"]


def _assert(condition, message: str) -> None:
    """AssertionError with `message` unless `condition` holds.

    >>> import lightwell as torch
    >>> torch._assert(torch.tensor(1) == 1, "not one")
    """
    assert condition, message
