"""The front of the derivations: an operation is read, and the first family that knows its kind derives it.

derive("tanh")                                  with arrays of its own choosing
derive("mm", [x, y])                            on these
derive_reading(read_node(tensor.grad_fn))       as it stands in a graph
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import (
    complexes,
    conjugate,
    elementwise,
    exponents,
    fourier,
    indexed,
    indexed_products,
    indexed_scatter,
    indexed_softmax,
    linear,
    matrices,
    nogradient,
    normal,
    recurrent,
    selections,
    spreads,
    undifferentiated,
)  # fmt: skip
from .derivation import Derivation
from .reader import Reading, read
from .terms import Term

# From the most particular to the most general.
FAMILIES: tuple[Callable[[Reading], Derivation | None], ...] = (
    undifferentiated.family,
    nogradient.family,
    indexed.reduction,
    elementwise.elementwise,
    complexes.family,
    exponents.family,
    normal.family,
    spreads.family,
    recurrent.family,
    indexed_softmax.family,
    matrices.family,
    fourier.family,
    indexed_products.family,
    indexed_scatter.family,
    indexed.family,
    selections.family,
    linear.family,
)


def derive_reading(reading: Reading) -> Derivation:
    """The derivation of an operation that has been read. LookupError: no family knows it."""
    with np.errstate(all="ignore"):
        found = _by_a_family(conjugate.before(reading))
        if found is not None:
            return conjugate.after(reading, found)
    shapes = ", ".join(f"{n}: {list(np.shape(t.value))}" for n, t in reading.inputs.items() if isinstance(t, Term))
    raise LookupError(
        f"no derivation of {reading.record.name} with {shapes}: a word of its formula is in no lexicon, or there is nothing in these arrays to show it on"
    )


def _by_a_family(reading: Reading) -> Derivation | None:
    for family in FAMILIES:
        found = family(reading)
        if found is not None:
            return found
    return None


def derive(op: Any, arrays: Any = None, params: Any = (), gradients: Any = None) -> Derivation:
    """The derivation of an operation: a registered name, its record, or the function that runs it.

    `arrays` are its tensors, in order or by name; drawn where they aren't given, for an operation that takes any. `params`
    its plain arguments, `gradients` those of its outputs. KeyError: no such operation; LookupError: no derivation.

    >>> d = derive("exp")
    >>> [part.input for part in d.parts]
    ['x']
    """
    from ...ops.op import registry

    record = registry[op] if isinstance(op, str) else getattr(op, "record", op)
    if arrays is None:
        rng = np.random.default_rng(0)
        arrays = [0.2 + 0.6 * rng.random((2, 3)) for _ in record.inputs]
    return derive_reading(read(record, arrays, params, gradients))
