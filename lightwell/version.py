"""`torch.version`: the version and what it was built with."""

from ._version import __version__ as __version__

cuda = hip = xpu = git_version = None
debug = False


def speaks(interface: str) -> str:
    """The version of an interface that this release of lightwell stands in for, with its own behind a plus sign."""
    return f"{interface}+lightwell.{__version__}"


def torch_version():
    """What `torch.__version__` is under the stand-in: PyTorch 2.13's interface.

    >>> from lightwell.version import torch_version
    >>> torch_version() >= (2, 13)
    True
    """
    from .torch_version import TorchVersion

    return TorchVersion(speaks("2.13.0"))
