"""torch.signal: windows for spectral analysis, in `windows`."""

from . import windows

__all__ = ["windows"]
