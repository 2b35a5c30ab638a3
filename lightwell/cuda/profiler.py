"""`torch.cuda.profiler`: switching NVIDIA's profilers on and off, which wants a GPU."""

import contextlib

from . import cudart

__all__ = ["profile", "start", "stop"]


def start() -> None:
    """AssertionError: there is no GPU to profile; see torch.profiler."""
    cudart()


def stop() -> None:
    """AssertionError: there is no GPU to profile; see torch.profiler."""
    cudart()


@contextlib.contextmanager
def profile():
    """A part of the program to profile: AssertionError on entering, without a GPU."""
    start()
    yield
