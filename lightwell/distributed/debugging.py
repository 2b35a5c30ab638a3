"""`breakpoint(rank)`: the debugger on one rank, while the others wait."""

import pdb
import sys
from datetime import timedelta

from .collectives import barrier
from .process_group import get_rank


class _Pdb(pdb.Pdb):
    """A debugger that takes the terminal, also in a process whose standard input was closed."""

    def interaction(self, *args, **kwargs):
        """Talk with the user at the terminal."""
        before = sys.stdin
        try:
            with open("/dev/stdin") as sys.stdin:
                super().interaction(*args, **kwargs)
        finally:
            sys.stdin = before


def breakpoint(rank: int = 0, skip: int = 0, timeout_s: int = 3600) -> None:
    """Stop in the debugger on `rank` (from the `skip + 1`-th call on); the other ranks wait, up to `timeout_s` seconds."""
    global _calls
    _calls += 1
    if _calls <= skip:
        return
    if get_rank() == rank:
        debugger = _Pdb()
        debugger.message("Type 'up' to get to the frame that called breakpoint()")
        debugger.set_trace(sys._getframe(1))
    barrier(timeout=timedelta(seconds=timeout_s))


_calls = 0
