"""Arm's KleidiAI: not part of this build."""

enabled = False


def is_available() -> bool:
    """Whether Arm's KleidiAI can be used: False in this build."""
    return False
