"""The small vocabulary that update rules are written in, and its two readers: NumPy in place, and Tensors with a graph.

An optimizer states its rule once, as a function `update(k, param, grad, *state, *numbers)`. Read with `k = Arrays(...)` the
rule runs in place on NumPy arrays and allocates nothing; read with `k = TENSORS` every operation is recorded by autograd, which
is what `differentiable=True` asks for.
"""

from __future__ import annotations

import numpy as np

from ..backend import fast
from ..backend.blas import axpy
from ..errors.teaching import RuntimeError
from ..meta import is_hollow

BLOCK = 65536  # elements: large enough to hide the cost of a NumPy call, small enough that scratch stays in the cache


class Arrays:
    """In-place arithmetic on arrays of one shape and dtype; `g, s, t, u` are scratch arrays a rule may name as `out`."""

    __slots__ = ("_w", "g", "s", "t", "u")

    def __init__(self, g, s, t, u, w):
        self.g, self.s, self.t, self.u, self._w = g, s, t, u, w

    def neg(self, x, out):
        """out = -x"""
        return np.negative(x, out=out)

    def copy(self, x, out):
        """out = x"""
        np.copyto(out, x)
        return out

    def axpy(self, x, y, a, out):
        """out = x + a y"""
        w = np.multiply(y, a, out=self._w)
        return np.add(x, w, out=out)

    def sub(self, x, y, out):
        """out = x - y"""
        return np.subtract(x, y, out=out)

    def mul(self, x, y, out):
        """out = x y"""
        return np.multiply(x, y, out=out)

    def div(self, x, y, out):
        """out = x / y"""
        return np.divide(x, y, out=out)

    def sqrt(self, x, out):
        """out = √x"""
        return np.sqrt(x, out=out)

    def abs(self, x, out):
        """out = |x|"""
        return np.abs(x, out=out)

    def sign(self, x, out):
        """out = sign x"""
        return np.sign(x, out=out)

    def set_(self, x, y):
        """x ← y"""
        np.copyto(x, y)
        return x

    def shift_(self, x, c):
        """x ← x + c, c a number"""
        return np.add(x, c, out=x)

    def axpy_(self, x, y, a):
        """x ← x + a y"""
        if x.size >= 4096 and type(a) is float and type(x) is np.ndarray and axpy(a, y, x):
            return x
        w = np.multiply(y, a, out=self._w)
        return np.add(x, w, out=x)

    def mul_(self, x, c):
        """x ← c x, c a number or an array"""
        return np.multiply(x, c, out=x)

    def div_(self, x, c):
        """x ← x / c, c a number or an array"""
        return np.divide(x, c, out=x)

    def lerp_(self, x, y, a):
        """x ← x + a (y - x), computed from the nearer end"""
        w = self._w
        if a < 0.5:
            np.subtract(y, x, out=w)
            np.multiply(w, a, out=w)
            return np.add(x, w, out=x)
        np.subtract(y, x, out=w)
        np.multiply(w, 1 - a, out=w)
        return np.subtract(y, w, out=x)

    def addcmul_(self, x, y, z, a):
        """x ← x + a y z"""
        w = np.multiply(y, a, out=self._w)
        np.multiply(w, z, out=w)
        return np.add(x, w, out=x)

    def addcdiv_(self, x, y, z, a):
        """x ← x + a y / z"""
        w = np.multiply(y, a, out=self._w)
        np.divide(w, z, out=w)
        return np.add(x, w, out=x)

    def max_(self, x, y):
        """x ← max(x, y)"""
        return np.maximum(x, y, out=x)

    def clip_(self, x, low, high):
        """x ← min(max(x, low), high)"""
        return np.clip(x, low, high, out=x)

    def by_sign(self, x, positive, negative, zero, out):
        """out = positive, negative or zero, as the sign of x says"""
        np.copyto(out, zero)
        np.copyto(out, positive, where=x > 0)
        np.copyto(out, negative, where=x < 0)
        return out

    def zero_where_negative(self, x, test, out):
        """out = 0 where test < 0, else x"""
        np.copyto(out, x)
        np.copyto(out, 0.0, where=test < 0)
        return out


class Tensors:
    """The same vocabulary on Tensors, through autograd; operands that a backward pass reads again are cloned first."""

    g = s = t = u = None

    def neg(self, x, out):
        return -x

    def copy(self, x, out):
        return x.clone()

    def axpy(self, x, y, a, out):
        return x.clone() + y.clone() * a

    def sub(self, x, y, out):
        return x.clone() - y.clone()

    def mul(self, x, y, out):
        return x.clone() * (y.clone() if hasattr(y, "clone") else y)

    def div(self, x, y, out):
        return x.clone() / (y.clone() if hasattr(y, "clone") else y)

    def sqrt(self, x, out):
        return x.clone().sqrt().clone()  # sqrt saves its result, which a rule may go on to change

    def abs(self, x, out):
        return x.clone().abs()

    def sign(self, x, out):
        return x.sign()

    def set_(self, x, y):
        return x.copy_(y)

    def shift_(self, x, c):
        return x.add_(c)

    def axpy_(self, x, y, a):
        return x.add_(y.clone() * a)

    def mul_(self, x, c):
        return x.copy_(x.clone() * (c.clone() if hasattr(c, "clone") else c))

    def div_(self, x, c):
        return x.copy_(x.clone() / (c.clone() if hasattr(c, "clone") else c))

    def lerp_(self, x, y, a):
        return x.add_((y.clone() - x.clone()) * a)

    def addcmul_(self, x, y, z, a):
        return x.add_(y.clone() * a * z.clone())

    def addcdiv_(self, x, y, z, a):
        return x.add_(y.clone() * a / z.clone())

    def max_(self, x, y):
        return x.copy_(x.clone().maximum(y.clone()))

    def clip_(self, x, low, high):
        return x.copy_(x.clone().clamp(low, high))

    def by_sign(self, x, positive, negative, zero, out):
        full = x.detach().clone().fill_(zero)
        full = full.masked_fill(x > 0, positive)
        return full.masked_fill(x < 0, negative)

    def zero_where_negative(self, x, test, out):
        return x.clone().masked_fill(test < 0, 0.0)


TENSORS = Tensors()


def directed(k, p, g, weight_decay, maximize):
    """The gradient that a rule goes by: turned round to climb, and with the decay's pull, weight_decay · p, added."""
    if maximize:
        g = k.neg(g, k.g)
    return g if weight_decay == 0 else k.axpy(g, p, weight_decay, k.g)


def moments(k, m, v, g, beta1, beta2):
    """The running averages of the Adam family: m ← m + (1 - β1) (g - m),  v ← β2 v + (1 - β2) g²."""
    k.lerp_(m, g, 1 - beta1)
    k.mul_(v, beta2)
    k.addcmul_(v, g, g, 1 - beta2)


class Runner:
    """Runs a rule over arrays of any size in cache-sized blocks, lending it scratch arrays made once per shape and dtype."""

    __slots__ = ("_kernels", "_pools")

    def __init__(self):
        self._kernels = {}
        self._pools = {}

    def _kernel(self, shape, dtype):
        """The reader for one shape: views of five flat buffers shared by all shapes of that dtype."""
        n = 1
        for d in shape:
            n *= d
        pool = self._pools.get(dtype)
        if pool is None or pool[0].size < n:
            for key in [key for key in self._kernels if key[1] == dtype]:  # their views belong to the smaller buffers
                del self._kernels[key]
            pool = self._pools[dtype] = [np.empty(max(n, BLOCK), dtype) for _ in range(5)]
        k = self._kernels[shape, dtype] = Arrays(*[b[:n].reshape(shape) for b in pool])
        return k

    def __call__(self, update, arrays, numbers):
        """Apply `update(k, *arrays, *numbers)`; the arrays share one shape, the first is the parameter."""
        p = arrays[0]
        if not p.flags.writeable and is_hollow(p):  # a parameter on the meta device: no numbers to change
            return
        dtype = p.dtype
        if dtype.kind != "f" or dtype.itemsize == 2:
            return self._unusual(update, arrays, numbers)
        if p.size >= fast.RULES and fast.update(update, arrays, numbers):
            return
        shape = p.shape
        if p.size <= BLOCK:
            k = self._kernels.get((shape, dtype)) or self._kernel(shape, dtype)
            update(k, *arrays, *numbers)
            return
        rows = shape[0]
        step = max(1, BLOCK * rows // p.size)
        for i in range(0, rows, step):
            parts = [a[i : i + step] for a in arrays]
            if parts[0].size > 2 * BLOCK and parts[0].ndim > 1:  # one long row: cut along the next dimension
                self(update, [part[0] for part in parts], numbers)
                continue
            key = parts[0].shape, dtype
            k = self._kernels.get(key) or self._kernel(*key)
            update(k, *parts, *numbers)

    def _unusual(self, update, arrays, numbers):
        """Complex arrays are read as pairs of reals; 16-bit and narrower ones are computed in float32 and written back."""
        p = arrays[0]
        if p.dtype.kind == "c":
            real = [_as_real(a) for a in arrays]
            self(update, [r for r, _ in real], numbers)
            for (r, shared), a in zip(real, arrays, strict=True):
                if not shared:
                    np.copyto(a, r.view(a.dtype)[..., 0])
            return
        if p.dtype.kind in "iub":
            raise RuntimeError(
                f"optimizer step: a parameter has dtype {p.dtype}, but only floating point and complex parameters can be "
                "updated by a gradient; convert it with .float()"
            )
        wide = [a.astype(np.float32) for a in arrays]
        self(update, wide, numbers)
        for w, a in zip(wide, arrays, strict=True):
            np.copyto(a, w, casting="unsafe")


def _as_real(a):
    """(array of reals with a last dimension of 2, whether it shares memory with a)."""
    shared = a.flags.c_contiguous
    if not shared:
        a = np.ascontiguousarray(a)
    return a.reshape(a.shape + (1,)).view(a.real.dtype), shared
