"""Help for the tests of kernels: nests made by hand, run natively and by `evaluate`."""

import ctypes

import numpy as np

from lightwell.compile import emit, native
from lightwell.compile.evaluate import evaluate
from lightwell.compile.nest import Buffer, Expr, Nest, Pass, Reduce, Store


def load(operand, strides, dtype=np.float32, offset=0):
    """A load."""
    return Expr("load", (operand, offset, tuple(strides)), dtype)


def op(word, *args, dtype=None):
    """A word on expressions; its dtype is the first one's."""
    return Expr(word, args, dtype or next(a.dtype for a in args if isinstance(a, Expr)))


def const(x, dtype=np.float32):
    """A number."""
    return Expr("const", (x,), dtype)


def mapped(extents, operands, stores, lanes=-1):
    """A map."""
    return Nest(operands, tuple(extents), (), [Pass(stores, [])], lanes=lanes)


def buffers_of(arrays):
    """Buffers for arrays."""
    return [Buffer("input", a.shape, a.dtype) for a in arrays]


def verified(text):
    """The text of a module, which LLVM's verifier has accepted."""
    import llvmlite.binding as llvm

    llvm.parse_assembly(text, llvm.create_context()).verify()
    return text


def call(nest, arrays, numbers=(), threads=1):
    """Run a nest's kernel on arrays (C order), as each of several threads in turn."""
    emitted = emit.kernel(nest, buffers_of(arrays))
    address = native.function(emitted.key, lambda: verified(emitted.build()))
    floats = np.array([*numbers, 0.0])
    slots = [floats.ctypes.data, *(arrays[b].ctypes.data for b in nest.operands), *emitted.integers]
    table = (ctypes.c_int64 * len(slots))(*slots)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(address)
    for tid in range(threads):
        function(ctypes.addressof(table), tid, threads, None)


def both(nest, arrays, numbers=(), threads=1):
    """(arrays after the kernel, arrays after `evaluate`), from the same start."""
    one, two = [a.copy() for a in arrays], [a.copy() for a in arrays]
    call(nest, one, numbers, threads)
    evaluate(nest, buffers_of(two), two, numbers)
    return one, two


def agree(nest, arrays, numbers=(), rtol=2e-6, atol=1e-6):
    """The kernel does what the nest says, alone and as several threads."""
    for threads in (1, 3):
        for got, want in zip(*both(nest, arrays, numbers, threads)):
            np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


def reduction(op_, expr, dtype=None):
    """A reduction and the expression that reads it."""
    made = Reduce(op_, expr, np.dtype(dtype or expr.dtype))
    return made, Expr("reduced", (made,), made.dtype)


__all__ = ["Nest", "Pass", "Reduce", "Store", "agree", "both", "buffers_of", "call", "const", "load", "mapped", "op", "reduction"]
