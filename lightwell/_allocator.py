"""Keeps large freed blocks for the next array instead of returning them to the system.

A fresh large array costs a page fault per 4 KiB when it is first written: adding ten million floats takes twice as long
into fresh memory as into recycled memory. glibc returns blocks above a threshold to the system at once; telling it not to
lets NumPy's arrays reuse them. Set LIGHTWELL_MALLOC=system to leave the process's allocator alone. Linux with glibc only.
"""

import os
import sys


def keep_large_blocks() -> bool:
    """Tell glibc to take large blocks from its heap and to trim the heap late; whether it agreed."""
    if sys.platform != "linux" or os.environ.get("LIGHTWELL_MALLOC") == "system":
        return False
    try:
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
    except (ImportError, AttributeError, OSError):  # another C library
        return False
    m_trim_threshold, m_mmap_max = -1, -4
    return bool(mallopt(m_mmap_max, 0)) and bool(mallopt(m_trim_threshold, 1 << 30))


keep_large_blocks()
