"""Samples: for each record some calls, with inputs to draw, that the registry walk compares, differentiates and varies.

A family's samples stand in the module of its name as `SAMPLES`; `every()` collects them.
"""

import importlib
import pkgutil

import ml_dtypes
import numpy as np


class T:
    """An input to draw: a tensor of this shape, uniform between `lo` and `hi`, always the same for the same `seed`."""

    def __init__(self, *shape, dtype="float64", lo=-2.0, hi=2.0, seed=0, grad=True, transposed=False):
        self.shape, self.dtype, self.lo, self.hi, self.seed, self.transposed = shape, dtype, lo, hi, seed, transposed
        self.grad = grad and dtype.startswith(("float", "complex", "bfloat"))

    def array(self, position=0, dtype=None, shape=None):
        """The drawn array; `position` makes the inputs of one call differ, `dtype` and `shape` replace the spec's."""
        shape = self.shape if shape is None else shape
        rng = np.random.Generator(np.random.MT19937(1000 * self.seed + 7 * position + 1))
        if self.transposed:
            shape = shape[::-1]
        a = self.lo + (self.hi - self.lo) * rng.random(shape)
        kind = dtype or self.dtype
        if kind.startswith("complex"):
            a = a + 1j * (self.lo + (self.hi - self.lo) * rng.random(shape))
        elif kind == "bool":
            a = a > (self.lo + self.hi) / 2
        elif kind.startswith(("int", "uint")):
            a = np.floor(a)
            a = np.abs(a) if kind.startswith("uint") else a
        a = np.asarray(a).astype(ml_dtypes.bfloat16 if kind == "bfloat16" else kind)
        return a.T if self.transposed else a

    def __repr__(self):
        return f"T({', '.join(map(str, self.shape))}{', transposed' * self.transposed}, {self.dtype})"


class Sample:
    """A call to check: `call(namespace, *tensors)`, on drawn inputs."""

    def __init__(self, name, call, *specs, torch=None, nondiff=False, second=True, why=None, dtypes=True, vary=True, rtol=None):
        self.name, self.call, self.specs, self.torch_name = name, call, specs, torch
        self.nondiff, self.second, self.why = nondiff, second, why
        self.dtypes, self.vary, self.rtol = dtypes, vary, rtol
        if not second and not why:
            raise ValueError(f"sample of {name}: say why there is no second derivative")

    def __repr__(self):
        return f"{self.name}({', '.join(map(repr, self.specs))})"


def sample(name, call, *specs, **options):
    """A sample of record `name`: `call(namespace, *tensors)` must use names that lightwell and PyTorch share.

    `nondiff=True`: there is no gradient. `second=False, why="..."`: there is no second one. `dtypes=False`: only the
    dtypes of the specs make sense. `vary=False`: only the shapes of the specs do. `rtol`: a looser float32 tolerance.
    """
    return Sample(name, call, *specs, **options)


def every() -> list:
    """All samples of all families."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        found.extend(importlib.import_module(f"{__name__}.{module.name}").SAMPLES)
    return found
