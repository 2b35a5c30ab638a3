"""Sobol's sequences: points that fill the unit cube more evenly than random ones."""

import builtins
import functools

import numpy as np

import lightwell as lw

from .errors.teaching import ImportError, ValueError

__all__ = ["SobolEngine"]

_BITS = 30


@functools.cache
def _table():
    """Joe and Kuo's direction numbers (2008), from SciPy: polynomials, and for each dimension the numbers to start from."""
    try:
        import scipy.stats
    except builtins.ImportError as error:
        raise ImportError("SobolEngine takes its direction numbers from SciPy, which is not installed: pip install scipy") from error
    import importlib.resources

    with importlib.resources.files(scipy.stats).joinpath("_sobol_direction_numbers.npz").open("rb") as file:
        numbers = np.load(file)
        return numbers["poly"].tolist(), numbers["vinit"].tolist()


def _directions(dimension: int) -> np.ndarray:
    """The direction numbers (dimension, 30), each with its 30 bits after the point."""
    v = np.ones((dimension, _BITS), np.int64)
    if dimension > 1:
        poly, start = _table()
        for d in range(1, dimension):
            p = poly[d]
            degree = p.bit_length() - 1
            row = start[d][:degree]
            for j in range(degree, _BITS):
                new = row[j - degree]
                for k in range(1, degree + 1):
                    if p >> (degree - k) & 1:
                        new ^= row[j - k] << k
                row.append(new)
            v[d] = row[:_BITS]
    return v << np.arange(_BITS - 1, -1, -1)


def _scrambled(v: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Direction numbers under lower triangular matrices of bits with a unit diagonal (Owen, 1998)."""
    lower = np.tril(matrices, -1) | np.eye(_BITS, dtype=np.int64)
    places = np.arange(_BITS - 1, -1, -1)
    bits = v[:, :, None] >> places & 1  # (dimension, number, bit), the highest first
    return (np.einsum("dpk,djk->djp", lower, bits) % 2 << places).sum(-1)


class SobolEngine:
    """Draws the points of a Sobol sequence in up to 21201 dimensions, scrambled if wanted, one after the other.

    ValueError for a dimension out of range; ImportError beyond the first dimension where SciPy, which has the direction
    numbers, is missing (Sobol, 1967; Joe and Kuo, 2008; Owen, "Scrambling Sobol and Niederreiter-Xing points", 1998).

    >>> import lightwell as torch
    >>> torch.quasirandom.SobolEngine(1).draw(4)
    tensor([[0.0000],
            [0.5000],
            [0.7500],
            [0.2500]])
    """

    MAXBIT = _BITS
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None):
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        state, shift = _directions(dimension), np.zeros(dimension, np.int64)
        if scramble:
            generator = None if seed is None else lw.Generator().manual_seed(seed)
            bits = lw.randint(2, (dimension, _BITS), generator=generator).numpy()
            shift = bits @ (1 << np.arange(_BITS))
            state = _scrambled(state, lw.randint(2, (dimension, _BITS, _BITS), generator=generator).numpy())
        self.sobolstate, self.shift = lw.from_numpy(state), lw.from_numpy(shift)
        self.quasi, self.num_generated = self.shift.clone(), 0

    def _walk(self, n: int) -> np.ndarray:
        """The next n states, as whole numbers; the first of all is the shift itself."""
        steps = np.arange(max(self.num_generated - 1, 0), max(self.num_generated + n - 1, 0))
        lowest = np.array([(~int(i) & int(i) + 1).bit_length() - 1 for i in steps], np.intp)  # the lowest bit that is 0
        rows = self.sobolstate.numpy().T[lowest]
        first = self.quasi.numpy()[None]
        path = np.bitwise_xor.accumulate(np.concatenate([first, rows]))
        self.quasi = lw.from_numpy(path[-1].copy())
        self.num_generated += n
        return path if len(path) == n else path[1:]

    def draw(self, n: int = 1, out=None, dtype=None):
        """The next n points, (n, dimension), each in [0, 1); written into `out` where it is given.

        >>> import lightwell as torch
        >>> engine = torch.quasirandom.SobolEngine(1)
        >>> engine.draw(2).tolist(), engine.draw().tolist()
        ([[0.0], [0.5]], [[0.75]])
        """
        kind = lw.get_default_dtype() if dtype is None else dtype
        points = lw.from_numpy(self._walk(n)).to(kind) * 2.0**-_BITS
        return points if out is None else out.resize_as_(points).copy_(points)

    def draw_base2(self, m: int, out=None, dtype=None):
        """The next 2**m points; ValueError unless those drawn so far are then a power of two, as balanced sets are."""
        total = self.num_generated + 2**m
        if total & (total - 1):
            raise ValueError(
                f"The balance properties of Sobol' points require n to be a power of 2. {self.num_generated} points have been previously "
                f"generated, then: n={self.num_generated}+2**{m}={total}. If you still want to do this, please use 'SobolEngine.draw()' instead."
            )
        return self.draw(2**m, out, dtype)

    def reset(self) -> "SobolEngine":
        """Start the sequence again; returns the engine."""
        self.quasi, self.num_generated = self.shift.clone(), 0
        return self

    def fast_forward(self, n: int) -> "SobolEngine":
        """Pass n points over; returns the engine."""
        self._walk(n)
        return self

    def __repr__(self) -> str:
        told = [f"dimension={self.dimension}"]
        told += ["scramble=True"] if self.scramble else []
        told += [f"seed={self.seed}"] if self.seed is not None else []
        return f"{type(self).__name__}({', '.join(told)})"
