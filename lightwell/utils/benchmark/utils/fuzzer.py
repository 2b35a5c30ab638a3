"""Fuzzer: random sizes and tensors to measure on."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lightwell.errors.teaching import AssertionError, ValueError

__all__ = ["FuzzedParameter", "FuzzedTensor", "Fuzzer", "ParameterAlias"]


class ParameterAlias:
    """In a distribution, the value of another parameter."""

    def __init__(self, alias_to: str):
        self.alias_to = alias_to

    def __repr__(self):
        return f"ParameterAlias[alias_to: {self.alias_to}]"


class FuzzedParameter:
    """A random number called `name`: "uniform" or "loguniform" between `minval` and `maxval` (both may come), or one of a
    dict {value: probability}, whose values may be aliases of other parameters. With `strict` its tensors aren't resized."""

    def __init__(self, name: str, minval=None, maxval=None, distribution=None, strict: bool = False):
        if isinstance(distribution, dict):
            if minval is not None or maxval is not None:
                raise AssertionError(f"FuzzedParameter {name}: a dict of probabilities leaves no place for minval and maxval")
            if abs(sum(distribution.values()) - 1) > 1e-6 or min(distribution.values()) < 0:
                raise ValueError(f"FuzzedParameter {name}: probabilities must be non-negative and sum to 1")
        elif distribution not in ("uniform", "loguniform") or minval is None or maxval is None or type(minval) is not type(maxval):
            raise ValueError(
                f"FuzzedParameter {name}: expected distribution 'uniform' or 'loguniform' with minval and maxval of one type, or a dict"
            )
        self._name, self._minval, self._maxval, self._distribution, self.strict = name, minval, maxval, distribution, strict

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    def sample(self, state) -> Any:
        """A value, drawn with a NumPy RandomState."""
        d = self._distribution
        if isinstance(d, dict):
            values = list(d)
            return values[state.choice(len(values), p=list(d.values()))]
        whole = isinstance(self._minval, int)
        if d == "uniform":
            return int(state.randint(self._minval, self._maxval + 1)) if whole else float(state.uniform(self._minval, self._maxval))
        value = 2.0 ** state.uniform(math.log2(self._minval), math.log2(self._maxval))
        return min(max(round(value), self._minval), self._maxval) if whole else float(value)


class FuzzedTensor:
    """A random tensor called `name`, whose `size` and `steps` are numbers or names of parameters.

    With probability 1 - `probability_contiguous` its dimensions lie in memory in random order. Sizes that give fewer than
    `min_elements`, more than `max_elements`, or more than `max_allocation_bytes` are drawn again.
    """

    def __init__(
        self, name: str, size, steps=None, probability_contiguous: float = 0.5, min_elements: int | None = None,
        max_elements: int | None = None, max_allocation_bytes: int | None = None, dim_parameter: str | None = None,
        roll_parameter: str | None = None, dtype=None, cuda: bool = False, tensor_constructor: Callable | None = None,
    ):  # fmt: skip
        import lightwell as lw

        self._name, self._size, self._steps = name, tuple(size), tuple(steps) if steps is not None else None
        self._contiguous, self._least, self._most, self._bytes = probability_contiguous, min_elements, max_elements, max_allocation_bytes
        self._dim, self._roll, self._dtype = dim_parameter, roll_parameter, lw.float32 if dtype is None else dtype
        self._make = tensor_constructor or self.default_tensor_constructor
        if cuda:
            lw.empty(0, device="cuda")  # says that there is none

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @staticmethod
    def default_tensor_constructor(size, dtype, **kwargs):
        """Normally distributed numbers, or whole ones below 127."""
        import lightwell as lw

        if dtype.is_floating_point or dtype.is_complex:
            return lw.rand(size=size, dtype=dtype)
        return lw.randint(1, 127, size=size, dtype=dtype)

    def _shape(self, params: dict) -> tuple:
        def value(x):
            return params[x] if isinstance(x, str) else x

        dim = params[self._dim] if self._dim else len(self._size)
        size = tuple(int(value(s)) for s in self._size)[:dim]
        steps = tuple(int(value(s)) for s in self._steps)[:dim] if self._steps else (1,) * len(size)
        return size, steps, tuple(s * t for s, t in zip(size, steps))

    def satisfies_constraints(self, params: dict) -> bool:
        """Whether the tensor of these parameters is neither too small nor too large."""
        size, _, whole = self._shape(params)
        n = math.prod(size)
        return not (
            (self._least is not None and n < self._least)
            or (self._most is not None and n > self._most)
            or (self._bytes is not None and math.prod(whole) * self._dtype.itemsize > self._bytes)
        )

    def _make_tensor(self, params: dict, state):
        size, steps, whole = self._shape(params)
        order = np.arange(len(size))
        if len(size) > 1 and state.rand() > self._contiguous:
            order = state.permutation(order)
        t = self._make(size=tuple(whole[i] for i in order), dtype=self._dtype, **params)
        t = t.permute(*np.argsort(order).tolist()) if len(size) > 1 else t
        t = t[tuple(slice(0, s * step, step) for s, step in zip(size, steps))]
        told = {
            "numel": int(t.numel()), "order": order, "steps": steps, "is_contiguous": t.is_contiguous(), "dtype": str(self._dtype),
        }  # fmt: skip
        return t, told


class Fuzzer:
    """Draws parameters and tensors; `take(n)` yields n times (tensors, tensors' properties, parameters), all dicts.

    `constraints` are functions of the parameters, by keyword, that must all hold; `seed` makes the draw repeatable.

    >>> from lightwell.utils.benchmark.utils.fuzzer import FuzzedParameter, FuzzedTensor, Fuzzer
    >>> fuzzer = Fuzzer([FuzzedParameter("n", 1, 9, "uniform")], [FuzzedTensor("x", size=("n", 2))], seed=0)
    >>> for tensors, properties, params in fuzzer.take(1):
    ...     print(tensors["x"].shape[0] == params["n"])
    True
    """

    def __init__(self, parameters, tensors, constraints=None, seed: int | None = None):
        if seed is None:
            seed = int(np.random.RandomState().randint(0, 2**32 - 1, dtype=np.int64))
        self._seed = seed
        self._parameters = list(itertools.chain(*(p if isinstance(p, (list, tuple)) else (p,) for p in parameters)))
        self._tensors = list(itertools.chain(*(t if isinstance(t, (list, tuple)) else (t,) for t in tensors)))
        self._constraints = tuple(constraints or ())
        names = [x.name for x in (*self._parameters, *self._tensors)]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise ValueError(f"Fuzzer: names given twice: {', '.join(sorted(twice))}")
        self._drawn = self._refused = 0

    @property
    def rejection_rate(self) -> float:
        """The share of draws that the constraints refused."""
        return self._refused / self._drawn if self._drawn else 0.0

    def _parameters_of(self, state) -> dict:
        self._drawn += 1
        for _ in range(1000):
            params = {p.name: p.sample(state) for p in self._parameters}
            params = {k: functools.reduce(lambda v, _: params[v.alias_to] if isinstance(v, ParameterAlias) else v, range(9), v)
                      for k, v in params.items()}  # fmt: skip
            if all(c(**params) for c in self._constraints) and all(t.satisfies_constraints(params) for t in self._tensors):
                return params
            self._drawn, self._refused = self._drawn + 1, self._refused + 1
        raise ValueError("Fuzzer: no set of parameters fits the constraints in 1000 draws")

    def take(self, n: int):
        """n times (tensors, properties, parameters)."""
        import lightwell as lw

        state = np.random.RandomState(self._seed)
        lw.manual_seed(int(state.randint(0, 2**32 - 1, dtype=np.int64)))
        for _ in range(n):
            params = self._parameters_of(state)
            made = {t.name: t._make_tensor(params, state) for t in self._tensors}
            yield {k: t for k, (t, _) in made.items()}, {k: p for k, (_, p) in made.items()}, params
