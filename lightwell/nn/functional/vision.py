"""What images need besides: pixels and channels rearranged, and sampling at places that are computed."""

from .grid import *  # noqa: F403
from .grid import __all__ as _grid
from .pixel_shuffle import *  # noqa: F403
from .pixel_shuffle import __all__ as _shuffles

__all__ = [*_grid, *_shuffles]
