"""`torch.mps`: Apple's GPUs, not part of this build."""


def is_available() -> bool:
    """Whether an Apple GPU can be used: False in this build."""
    return False


def device_count() -> int:
    """The number of Apple GPUs that can be used: 0 in this build."""
    return 0
