"""`torch.version`: the version and what it was built with."""

from ._version import __version__ as __version__

cuda = hip = xpu = git_version = None
debug = False
