"""Which line a warning names: the user's, however many of this package's functions lie between."""

import os
import sys

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def users_level() -> int:
    """The `stacklevel` with which `warnings.warn`, called beside this, names the nearest line outside this package.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warnings.warn("here", stacklevel=users_level())
    >>> caught[0].filename.startswith("<doctest")
    True
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_code.co_filename.startswith(PACKAGE):
        if frame.f_back is None:
            return 1
        level, frame = level + 1, frame.f_back
    return level
