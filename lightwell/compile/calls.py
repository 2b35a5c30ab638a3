"""Words with native code of their own: which they are, and what their code asks for.

    @native("convolve")
    def convolve(call: Call, shapes) -> Kernel | list[Kernel] | None

turns a `Call` of the plan into kernels, or returns None where it has no code for these shapes and types (NumPy then computes
the word). `shapes(x)` tells (shape, dtype) of a `Ref` or of a buffer number.
"""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field

from .nest import Call

# Files that hold lowerings, loaded at the first need.
FILES = ("convolution", "pooling", "recurrent", "scatter")
NATIVE: dict[str, Callable] = {}
_loaded = False


@dataclass(eq=False)
class Kernel:
    """Native code for a step. Its slots: the numbers' address, operands, the scratch memory if any is asked for, integers."""

    key: str  # all that shapes the code
    build: Callable[[], str]  # the module's text, with a function @kernel
    operands: list[int]  # buffer numbers
    integers: list[int] = field(default_factory=list)
    scratch: int = 0  # bytes
    threads: bool = True  # False: one thread runs it
    reads: list[int] | None = None  # which of the operands are read and which are written; None: as the step says
    writes: list[int] | None = None
    together: bool = True  # its threads meet inside (lw_barrier): none may be missing; False lets one do the share of several
    operations: int = 0  # of arithmetic, for reports; 0: not known


def native(*words: str) -> Callable:
    """A decorator for the function that lowers calls of these words."""

    def register(function: Callable) -> Callable:
        for word in words:
            NATIVE[word] = function
        return function

    return register


def load() -> dict[str, Callable]:
    """All words with native code → the functions that lower them."""
    global _loaded
    if not _loaded:
        for name in FILES:
            if importlib.util.find_spec(f"{__package__}.{name}") is not None:
                importlib.import_module(f"{__package__}.{name}")
        _loaded = True
    return NATIVE


def lower(call: Call, shapes: Callable) -> list[Kernel] | None:
    """The kernels of a call, one after the other; None where NumPy must compute it."""
    function = load().get(call.word)
    made = None if function is None else function(call, shapes)
    return made if made is None or isinstance(made, list) else [made]
