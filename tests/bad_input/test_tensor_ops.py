"""Bad calls of tensor operations: shapes, dimensions, indices, dtypes, in-place writes, backward; operands stay as they were."""

import operator

import numpy as np
import pytest

import lightwell as lw
from tests.bad_input.harness import check, do


def ones(f, *shape, **kwargs):
    return f.ones(shape, **kwargs)


def leaf(f, *shape):
    return f.ones(shape, requires_grad=True)


def longs(f, *values):
    return f.tensor(values)


def spent(f):
    y = leaf(f, 2).exp().sum()
    y.backward()
    return y


def used(f):
    x = leaf(f, 2)
    y = x.exp()
    z = y.sum()
    with f.no_grad():
        y.mul_(2)
    return z


CASES = {
    # arithmetic
    "add: shapes": (RuntimeError, "add [2, 3] [4] dimension 1", lambda f: do(operator.add, ones(f, 2, 3), ones(f, 4))),
    "sub: shapes": (RuntimeError, "sub [3] [4]", lambda f: do(f.sub, ones(f, 3), ones(f, 4))),
    "iadd: grows": (RuntimeError, "[3] [2, 3]", lambda f: do(ones(f, 3).add_, ones(f, 2, 3))),
    "isub: shapes": (RuntimeError, "3 4", lambda f: do(operator.isub, ones(f, 3), ones(f, 4))),
    "imul: float into int": (RuntimeError, "mul_ float long", lambda f: do(longs(f, 1, 2).mul_, 1.5)),
    "idiv: int": (RuntimeError, "float long", lambda f: do(longs(f, 1, 2).div_, 2)),
    "add: str": (TypeError, "str", lambda f: do(operator.add, ones(f, 2), "a")),
    "add: list": (TypeError, "list", lambda f: do(operator.add, ones(f, 2), [1, 2])),
    "add: None": (TypeError, "None", lambda f: do(f.add, ones(f, 2), None)),
    "mul: dict": (TypeError, "dict", lambda f: do(operator.mul, ones(f, 2), {})),
    "pow: shapes": (RuntimeError, "pow 3 4", lambda f: do(f.pow, ones(f, 3), ones(f, 4))),
    "pow: negative ints": (RuntimeError, "negative integer powers", lambda f: do(f.pow, longs(f, 2), -1)),
    "sub: bools": (RuntimeError, "bool ^", lambda f: do(operator.sub, ones(f, 2) > 0, ones(f, 2) > 0)),
    "lt: complex": (NotImplementedError, "lt complex", lambda f: do(f.lt, f.tensor([1j]), f.tensor([1j]))),
    "floor_divide: zero": (RuntimeError, "ZeroDivisionError", lambda f: do(f.floor_divide, longs(f, 1), 0)),
    "remainder: zero": (RuntimeError, "ZeroDivisionError", lambda f: do(f.remainder, longs(f, 1), 0)),
    "shift: float": (NotImplementedError, "shift float", lambda f: do(operator.lshift, ones(f, 2), ones(f, 2))),
    "invert: float": (TypeError, "~ invert integer", lambda f: do(operator.invert, ones(f, 2))),
    "and: floats": (RuntimeError, "bitwise_and float", lambda f: do(operator.and_, ones(f, 2), ones(f, 2))),
    "atan2: shapes": (RuntimeError, "atan2 3 4", lambda f: do(f.atan2, ones(f, 3), ones(f, 4))),
    "maximum: list": (TypeError, "maximum list", lambda f: do(f.maximum, ones(f, 3), [1.0])),
    "clamp: nothing": (RuntimeError, "clamp min max", lambda f: do(f.clamp, ones(f, 3))),
    "clamp: shapes": (RuntimeError, "3 4", lambda f: do(f.clamp, ones(f, 3), ones(f, 4))),
    "where: shapes": (RuntimeError, "3 2", lambda f: do(f.where, ones(f, 3) > 0, ones(f, 2), 0.0)),
    "where: float": (RuntimeError, "bool float", lambda f: do(f.where, ones(f, 3), 1.0, 0.0)),
    "lerp: shapes": (RuntimeError, "3 4", lambda f: do(f.lerp, ones(f, 3), ones(f, 4), 0.5)),
    "lerp: dtype": (RuntimeError, "float64", lambda f: do(f.lerp, ones(f, 3), ones(f, 3, dtype=f.float64), 0.5)),
    "addcmul: shapes": (RuntimeError, "3 4", lambda f: do(f.addcmul, ones(f, 3), ones(f, 4), ones(f, 4))),
    "masked_fill: shapes": (RuntimeError, "3 2", lambda f: do(ones(f, 3).masked_fill, ones(f, 2) > 0, 0)),
    "masked_fill: mask": (RuntimeError, "bool float32", lambda f: do(ones(f, 3).masked_fill_, ones(f, 3), 0)),
    "masked_select": (RuntimeError, "3 2", lambda f: do(f.masked_select, ones(f, 3), ones(f, 2) > 0)),
    "masked_scatter": (RuntimeError, "masked_scatter 1 3", lambda f: do(ones(f, 3).masked_scatter, ones(f, 3) > 0, ones(f, 1))),
    "exp: ints in place": (RuntimeError, "float long", lambda f: do(longs(f, 1).exp_)),
    "sqrt: str": (TypeError, "sqrt input Tensor str", lambda f: do(f.sqrt, "a")),
    "exp: number": (TypeError, "exp input Tensor float", lambda f: do(f.exp, 1.0)),
    "exp: array": (TypeError, "exp input Tensor ndarray", lambda f: do(f.exp, np.ones(3))),
    "logical: keyword": (TypeError, "others", lambda f: do(f.logical_and, ones(f, 2), others=ones(f, 2))),
    "add: alpha": (TypeError, "beta", lambda f: do(f.add, ones(f, 2), 1, beta=2)),
    # shapes
    "view: elements": (RuntimeError, "view [4] 6", lambda f: do(ones(f, 2, 3).view, 4)),
    "view: strides": (RuntimeError, "view reshape", lambda f: do(ones(f, 2, 3).t().view, 6)),
    "view: str": (TypeError, "str", lambda f: do(ones(f, 2, 3).view, "a")),
    "view: float": (TypeError, "float", lambda f: do(ones(f, 2, 3).view, 2.0, 3.0)),
    "view: dtype": (RuntimeError, "size 3", lambda f: do(ones(f, 3).view, f.float64)),
    "reshape: elements": (RuntimeError, "[-1, 4] 6", lambda f: do(ones(f, 2, 3).reshape, -1, 4)),
    "reshape: two -1": (RuntimeError, "-1", lambda f: do(f.reshape, ones(f, 2, 3), (-1, -1))),
    "reshape: negative": (RuntimeError, "-2", lambda f: do(f.reshape, ones(f, 2, 3), (-2, 3))),
    "expand: size": (RuntimeError, "expand 4 2 dimension 0", lambda f: do(ones(f, 2, 3).expand, 4, 3)),
    "expand: fewer": (RuntimeError, "expand 1 2", lambda f: do(ones(f, 2, 3).expand, 3)),
    "expand: new -1": (RuntimeError, "-1", lambda f: do(ones(f, 3).expand, -1, 3)),
    "repeat: fewer": (RuntimeError, "repeat [2] [2, 3]", lambda f: do(ones(f, 2, 3).repeat, 2)),
    "repeat: negative": (RuntimeError, "-1", lambda f: do(ones(f, 2).repeat, -1)),
    "tile: str": (TypeError, "str", lambda f: do(f.tile, ones(f, 2), "a")),
    "squeeze: dim": (IndexError, "[-2, 1] 5", lambda f: do(ones(f, 2, 3).squeeze, 5)),
    "unsqueeze: dim": (IndexError, "[-2, 1] 3", lambda f: do(ones(f, 2).unsqueeze, 3)),
    "transpose: dim": (IndexError, "[-2, 1] 2", lambda f: do(ones(f, 2, 3).transpose, 0, 2)),
    "t: rank": (RuntimeError, "t() 2 3", lambda f: do(ones(f, 2, 3, 4).t)),
    "permute: few": (RuntimeError, "permute 2", lambda f: do(ones(f, 2, 3).permute, 0)),
    "permute: twice": (RuntimeError, "duplicate", lambda f: do(ones(f, 2, 3).permute, 0, 0)),
    "movedim": (RuntimeError, "movedim", lambda f: do(f.movedim, ones(f, 2, 3), (0, 1), (0,))),
    "flatten: order": (RuntimeError, "start_dim end_dim", lambda f: do(f.flatten, ones(f, 2, 3), 1, 0)),
    "unflatten": (RuntimeError, "unflatten 3", lambda f: do(f.unflatten, ones(f, 2, 3), 1, (2, 2))),
    "cat: sizes": (RuntimeError, "cat 3 2", lambda f: do(f.cat, [ones(f, 2, 3), ones(f, 2, 2)])),
    "cat: ranks": (RuntimeError, "cat 2 1", lambda f: do(f.cat, [ones(f, 2, 3), ones(f, 2)])),
    "cat: 0-d": (RuntimeError, "zero-dimensional", lambda f: do(f.cat, [f.tensor(1.0), f.tensor(2.0)])),
    "cat: dim": (IndexError, "[-1, 0] 1", lambda f: do(f.cat, [ones(f, 2), ones(f, 2)], 1)),
    "cat: str": (TypeError, "cat str", lambda f: do(f.cat, [ones(f, 2), "a"])),
    "cat: one tensor": (TypeError, "cat tuple Tensors", lambda f: do(f.cat, ones(f, 2))),
    "cat: arrays": (TypeError, "cat ndarray", lambda f: do(f.cat, [np.ones(2), np.ones(2)])),
    "stack: sizes": (RuntimeError, "stack [2] [3]", lambda f: do(f.stack, [ones(f, 2), ones(f, 3)])),
    "stack: nothing": (RuntimeError, "stack non-empty", lambda f: do(f.stack, [])),
    "stack: floats": (TypeError, "stack float", lambda f: do(f.stack, [1.0, 2.0])),
    "vstack": (RuntimeError, "2 3", lambda f: do(f.vstack, [ones(f, 2), ones(f, 3)])),
    "split: sizes": (RuntimeError, "split 5 [2, 2]", lambda f: do(ones(f, 5).split, [2, 2])),
    "split: negative": (RuntimeError, "split -1", lambda f: do(ones(f, 5).split, -1)),
    "chunk: none": (RuntimeError, "chunk 0", lambda f: do(ones(f, 5).chunk, 0)),
    "unbind: 0-d": (IndexError, "Dimension", lambda f: do(f.unbind, f.tensor(1.0))),
    "roll: dims": (RuntimeError, "roll", lambda f: do(f.roll, ones(f, 2, 3), (1, 1), (0,))),
    "flip: dim": (IndexError, "[-2, 1] 2", lambda f: do(f.flip, ones(f, 2, 3), (2,))),
    "flip: twice": (RuntimeError, "dim 0", lambda f: do(f.flip, ones(f, 2, 3), (0, 0))),
    "diag: rank": (RuntimeError, "diag 1D 2D 3D", lambda f: do(f.diag, ones(f, 2, 2, 2))),
    "tril: rank": (RuntimeError, "tril 2", lambda f: do(f.tril, ones(f, 2))),
    "unfold: size": (RuntimeError, "unfold 5 3", lambda f: do(ones(f, 3).unfold, 0, 5, 1)),
    "unfold: step": (RuntimeError, "step 0", lambda f: do(ones(f, 3).unfold, 0, 2, 0)),
    "broadcast_to": (RuntimeError, "3 2", lambda f: do(f.broadcast_to, ones(f, 3), (2, 2))),
    "broadcast_tensors": (RuntimeError, "3 2", lambda f: do(f.broadcast_tensors, ones(f, 3), ones(f, 2))),
    "as_strided": (RuntimeError, "storage", lambda f: do(f.as_strided, ones(f, 3), (3, 3), (3, 1))),
    "meshgrid: indexing": (RuntimeError, "indexing ab", lambda f: do(f.meshgrid, ones(f, 2), ones(f, 3), indexing="ab")),
    "meshgrid: rank": (RuntimeError, "meshgrid 2", lambda f: do(f.meshgrid, ones(f, 2, 2), indexing="ij")),
    "cartesian_prod": (RuntimeError, "1D", lambda f: do(f.cartesian_prod, ones(f, 2, 2), ones(f, 2))),
    "narrow": (RuntimeError, "3", lambda f: do(ones(f, 3).narrow, 0, 1, 5)),
    "select": (IndexError, "select 5 [3]", lambda f: do(ones(f, 3).select, 0, 5)),
    "resize_": (RuntimeError, "-1", lambda f: do(ones(f, 3).resize_, -1)),
    "repeat_interleave": (RuntimeError, "repeats", lambda f: do(f.repeat_interleave, ones(f, 3), longs(f, 1, 2), 0)),
    # products
    "matmul: inner": (RuntimeError, "matmul 2x3", lambda f: do(operator.matmul, ones(f, 2, 3), ones(f, 2, 3))),
    "matmul: vector": (RuntimeError, "matmul 3 4", lambda f: do(f.matmul, ones(f, 2, 3), ones(f, 4))),
    "matmul: batch": (RuntimeError, "2 3", lambda f: do(f.matmul, ones(f, 2, 3, 4), ones(f, 3, 4, 5))),
    "matmul: 0-d": (RuntimeError, "matmul 1D", lambda f: do(f.matmul, f.tensor(1.0), ones(f, 2))),
    "matmul: dtypes": (RuntimeError, "matmul float32 float64", lambda f: do(operator.matmul, ones(f, 2, 2), ones(f, 2, 2, dtype=f.float64))),
    "matmul: ints": (RuntimeError, "matmul int64 float32", lambda f: do(operator.matmul, ones(f, 2, 2, dtype=f.int64), ones(f, 2, 2))),
    "matmul: array": (TypeError, "matmul ndarray", lambda f: do(f.matmul, ones(f, 2, 2), np.ones((2, 2)))),
    "matmul: number": (TypeError, "matmul float", lambda f: do(f.matmul, ones(f, 2, 2), 2.0)),
    "mm: rank": (RuntimeError, "mm [2]", lambda f: do(f.mm, ones(f, 2), ones(f, 2, 2))),
    "mv": (RuntimeError, "mv 2x3", lambda f: do(f.mv, ones(f, 2, 3), ones(f, 2))),
    "bmm: batch": (RuntimeError, "[2, 4]", lambda f: do(f.bmm, ones(f, 2, 3, 4), ones(f, 3, 4, 2))),
    "bmm: rank": (RuntimeError, "bmm", lambda f: do(f.bmm, ones(f, 3, 4), ones(f, 4, 2))),
    "dot": (RuntimeError, "[2] [3]", lambda f: do(f.dot, ones(f, 2), ones(f, 3))),
    "dot: dtypes": (RuntimeError, "dot Float Double", lambda f: do(f.dot, ones(f, 2), ones(f, 2, dtype=f.float64))),
    "outer": (RuntimeError, "outer 1-D", lambda f: do(f.outer, ones(f, 2, 2), ones(f, 2))),
    "addmm": (RuntimeError, "2x3", lambda f: do(f.addmm, ones(f, 2, 3), ones(f, 2, 3), ones(f, 2, 3))),
    "addmm: bias": (RuntimeError, "[4] [2, 3]", lambda f: do(f.addmm, ones(f, 4), ones(f, 2, 3), ones(f, 3, 3))),
    "baddbmm": (RuntimeError, "bmm batch2 [2, 3] [2, 2]", lambda f: do(f.baddbmm, ones(f, 2, 2, 2), ones(f, 2, 2, 3), ones(f, 2, 2, 3))),
    "einsum: letters": (RuntimeError, "einsum 2 3", lambda f: do(f.einsum, "ij,jk->ik", ones(f, 2, 3), ones(f, 2, 3))),
    "einsum: count": (RuntimeError, "einsum operands", lambda f: do(f.einsum, "ij,jk->ik", ones(f, 2, 3))),
    "einsum: rank": (RuntimeError, "einsum dimensions 1 2", lambda f: do(f.einsum, "ij->i", ones(f, 2))),
    "einsum: output": (RuntimeError, "einsum k", lambda f: do(f.einsum, "ij->k", ones(f, 2, 3))),
    "einsum: sign": (RuntimeError, "einsum ?", lambda f: do(f.einsum, "i?->i", ones(f, 2, 3))),
    "tensordot": (RuntimeError, "3 2", lambda f: do(f.tensordot, ones(f, 2, 3), ones(f, 2, 3), 1)),
    "kron: list": (TypeError, "kron list", lambda f: do(f.kron, ones(f, 2, 3), [1.0])),
    "cross": (RuntimeError, "cross 3", lambda f: do(f.linalg.cross, ones(f, 2), ones(f, 2))),
    "cdist": (RuntimeError, "columns", lambda f: do(f.cdist, ones(f, 2, 3), ones(f, 2, 4))),
    "inv: square": (RuntimeError, "inv square", lambda f: do(f.linalg.inv, ones(f, 2, 3))),
    "inv: singular": (RuntimeError, "inv singular", lambda f: do(f.linalg.inv, f.zeros(2, 2))),
    "inv: ints": (RuntimeError, "inv", lambda f: do(f.linalg.inv, ones(f, 2, 2, dtype=f.int64))),
    "solve: shapes": (RuntimeError, "solve", lambda f: do(f.linalg.solve, f.eye(2), ones(f, 3))),
    "cholesky: positive": (RuntimeError, "cholesky positive-definite", lambda f: do(f.linalg.cholesky, -f.eye(2))),
    "det: rank": (RuntimeError, "det", lambda f: do(f.linalg.det, ones(f, 2))),
    "eigh: UPLO": (RuntimeError, "UPLO", lambda f: do(f.linalg.eigh, f.eye(2), "X")),
    "norm: order": (RuntimeError, "order", lambda f: do(f.linalg.norm, f.eye(2), "nic")),
    "svd: ints": (RuntimeError, "svd", lambda f: do(f.linalg.svd, ones(f, 2, 2, dtype=f.int64))),
    # reductions and sorting
    "sum: dim": (IndexError, "[-2, 1] 2", lambda f: do(ones(f, 2, 3).sum, 2)),
    "sum: twice": (RuntimeError, "dim 0", lambda f: do(ones(f, 2, 3).sum, (0, 0))),
    "sum: str": (TypeError, "sum str", lambda f: do(ones(f, 2, 3).sum, "a")),
    "sum: keyword": (TypeError, "dims", lambda f: do(ones(f, 2).sum, dims=0)),
    "mean: ints": (RuntimeError, "mean float long", lambda f: do(longs(f, 1, 2).mean)),
    "std: ints": (RuntimeError, "std float", lambda f: do(longs(f, 1, 2).std)),
    "max: empty": (RuntimeError, "max dim", lambda f: do(f.ones(0).max)),
    "argmax: empty": (IndexError, "argmax dim", lambda f: do(f.ones(0).argmax)),
    "max: dim": (IndexError, "[-2, 1] 2", lambda f: do(ones(f, 2, 3).max, 2)),
    "amax: complex": (NotImplementedError, "complex", lambda f: do(f.amax, f.tensor([1j]))),
    "cumsum: dim": (IndexError, "[-1, 0] 1", lambda f: do(ones(f, 3).cumsum, 1)),
    "cumsum: missing": (TypeError, "dim", lambda f: do(ones(f, 3).cumsum)),
    "softmax: dim": (IndexError, "[-1, 0] 1", lambda f: do(ones(f, 3).softmax, 1)),
    "logsumexp: dim": (IndexError, "[-1, 0] 1", lambda f: do(ones(f, 3).logsumexp, 1)),
    "topk: k": (RuntimeError, "topk 3 2", lambda f: do(ones(f, 2).topk, 3)),
    "kthvalue": (RuntimeError, "kthvalue 3", lambda f: do(ones(f, 2).kthvalue, 3)),
    "sort: dim": (IndexError, "[-1, 0] 1", lambda f: do(ones(f, 3).sort, 1)),
    "sort: complex": (RuntimeError, "complex", lambda f: do(f.sort, f.tensor([1j, 2j]))),
    "quantile: range": (RuntimeError, "quantile 0 1", lambda f: do(f.quantile, ones(f, 3), 1.5)),
    "quantile: ints": (RuntimeError, "quantile float", lambda f: do(f.quantile, longs(f, 1, 2), 0.5)),
    "histc: ints": (NotImplementedError, "hist", lambda f: do(f.histc, longs(f, 1, 2))),
    "histc: bins": (RuntimeError, "bins", lambda f: do(f.histc, ones(f, 2), 0)),
    "bincount: negative": (RuntimeError, "bincount non-negative", lambda f: do(f.bincount, longs(f, -1))),
    "bincount: float": (NotImplementedError, "bincount", lambda f: do(f.bincount, ones(f, 2))),
    "searchsorted": (RuntimeError, "searchsorted", lambda f: do(f.searchsorted, ones(f, 2, 3), ones(f, 3, 3))),
    "norm: ints": (RuntimeError, "norm float", lambda f: do(f.linalg.vector_norm, longs(f, 1, 2))),
    "diff: n": (RuntimeError, "diff -1", lambda f: do(f.diff, ones(f, 3), -1)),
    "trapz": (RuntimeError, "", lambda f: do(f.trapezoid, ones(f, 3), ones(f, 5))),
    # indexing
    "index: range": (IndexError, "5 dimension 0 size 3", lambda f: do(ones(f, 3).__getitem__, 5)),
    "index: list": (IndexError, "5 dimension 0 size 3", lambda f: do(ones(f, 3).__getitem__, [0, 5])),
    "index: tensor": (IndexError, "5 size 3", lambda f: do(ones(f, 3).__getitem__, longs(f, 0, 5))),
    "index: many": (IndexError, "too many 2", lambda f: do(ones(f, 2, 3).__getitem__, (0, 0, 0))),
    "index: str": (TypeError, "str", lambda f: do(ones(f, 2, 3).__getitem__, "a")),
    "index: float": (IndexError, "integers", lambda f: do(ones(f, 2, 3).__getitem__, 1.0)),
    "index: mask": (IndexError, "mask [2] [3]", lambda f: do(ones(f, 3).__getitem__, ones(f, 2) > 0)),
    "index: shapes": (IndexError, "[2] [3]", lambda f: do(ones(f, 4, 4).__getitem__, (longs(f, 0, 1), longs(f, 0, 1, 2)))),
    "index: step": (ValueError, "step", lambda f: do(ones(f, 4).__getitem__, slice(None, None, -1))),
    "set: shapes": (RuntimeError, "[2] [3]", lambda f: do(ones(f, 3).__setitem__, slice(0, 2), ones(f, 3))),
    "set: range": (IndexError, "5", lambda f: do(ones(f, 3).__setitem__, 5, 1.0)),
    "set: str": (TypeError, "str", lambda f: do(ones(f, 3).__setitem__, 0, "a")),
    "set: list": (TypeError, "list", lambda f: do(ones(f, 3).__setitem__, slice(None), [1.0, 2.0, 3.0])),
    "reshape: view negative": (RuntimeError, "view -2", lambda f: do(ones(f, 2, 3).view, -2, 3)),
    "set: leaf": (RuntimeError, "leaf", lambda f: do(leaf(f, 3).__setitem__, 0, 1.0)),
    "set: mask": (IndexError, "mask", lambda f: do(ones(f, 3).__setitem__, ones(f, 2) > 0, 1.0)),
    "gather: range": (RuntimeError, "gather index 3 size 2 position [0, 0] [0, 1]", lambda f: do(ones(f, 2, 2).gather, 1, f.tensor([[3]]))),
    "gather: negative": (RuntimeError, "gather index -1 [0, 1] position [1, 0]", lambda f: do(ones(f, 2, 2).gather, 1, f.tensor([[0], [-1]]))),
    "gather: ranks": (RuntimeError, "gather dimensions", lambda f: do(ones(f, 2, 2).gather, 1, longs(f, 0))),
    "gather: larger": (RuntimeError, "gather [3, 1] [2, 2]", lambda f: do(ones(f, 2, 2).gather, 1, f.zeros(3, 1, dtype=f.int64))),
    "gather: dtype": (RuntimeError, "gather int64 float32", lambda f: do(ones(f, 2).gather, 0, ones(f, 1))),
    "scatter: range": (RuntimeError, "scatter index 3 size 2", lambda f: do(ones(f, 2).scatter_, 0, longs(f, 0, 3), 1.0)),
    "scatter: dtypes": (RuntimeError, "scatter dtype", lambda f: do(ones(f, 2).scatter_, 0, longs(f, 0), ones(f, 1, dtype=f.float64))),
    "scatter: src": (RuntimeError, "scatter", lambda f: do(ones(f, 3).scatter_, 0, longs(f, 0, 1), ones(f, 1))),
    "scatter_add: range": (RuntimeError, "scatter_add index 7", lambda f: do(ones(f, 2).scatter_add_, 0, longs(f, 0, 7), ones(f, 2))),
    "scatter_reduce": (RuntimeError, "reduce median", lambda f: do(ones(f, 2).scatter_reduce, 0, longs(f, 0), ones(f, 1), "median")),
    "index_select: range": (IndexError, "index_select 5 size 3", lambda f: do(ones(f, 3).index_select, 0, longs(f, 5))),
    "index_select: rank": (IndexError, "vector", lambda f: do(ones(f, 3).index_select, 0, f.tensor([[0]]))),
    "index_add: range": (IndexError, "index_add 5", lambda f: do(ones(f, 3).index_add_, 0, longs(f, 5), ones(f, 1))),
    "index_add: sizes": (RuntimeError, "index_add", lambda f: do(ones(f, 3).index_add_, 0, longs(f, 0, 1), ones(f, 3))),
    "index_copy: range": (IndexError, "index_copy 5", lambda f: do(ones(f, 3).index_copy_, 0, longs(f, 5), ones(f, 1))),
    "index_fill: range": (IndexError, "index_fill 5", lambda f: do(ones(f, 3).index_fill_, 0, longs(f, 5), 1.0)),
    "index_put: range": (IndexError, "5", lambda f: do(ones(f, 3).index_put_, (longs(f, 5),), f.tensor(1.0))),
    "take: range": (IndexError, "take 5", lambda f: do(f.take, ones(f, 3), longs(f, 5))),
    "take_along_dim: dtype": (RuntimeError, "take_along_dim", lambda f: do(f.take_along_dim, ones(f, 3), ones(f, 1), 0)),
    "put: range": (IndexError, "put 5", lambda f: do(ones(f, 3).put_, longs(f, 5), ones(f, 1))),
    "nonzero: keyword": (TypeError, "tuple", lambda f: do(f.nonzero, ones(f, 3), tuple=True)),
    "one_hot: negative": (RuntimeError, "non-negative -1 position [1]", lambda f: do(f.nn.functional.one_hot, longs(f, 0, -1))),
    "one_hot: classes": (RuntimeError, "smaller num_classes 5 position [1] [0, 2]", lambda f: do(f.nn.functional.one_hot, longs(f, 0, 5), 3)),
    "one_hot: float": (RuntimeError, "one_hot long float32", lambda f: do(f.nn.functional.one_hot, ones(f, 2))),
    # creation
    "zeros: negative": (RuntimeError, "negative -1", lambda f: do(f.zeros, -1)),
    "zeros: float": (TypeError, "zeros float", lambda f: do(f.zeros, 2.0)),
    "zeros: dtype": (TypeError, "dtype str", lambda f: do(f.zeros, 2, dtype="float32")),
    "zeros: device": (RuntimeError, "gpu", lambda f: do(f.zeros, 2, device="gpu")),
    "zeros: keyword": (TypeError, "shapes", lambda f: do(f.zeros, 2, shapes=2)),
    "full: missing": (TypeError, "fill_value", lambda f: do(f.full, (2,))),
    "arange: step": (RuntimeError, "arange step", lambda f: do(f.arange, 0, 3, -1)),
    "arange: zero": (RuntimeError, "arange step nonzero", lambda f: do(f.arange, 0, 3, 0)),
    "arange: str": (TypeError, "arange str", lambda f: do(f.arange, "a")),
    "linspace: steps": (RuntimeError, "steps non-negative", lambda f: do(f.linspace, 0, 1, -1)),
    "eye: negative": (RuntimeError, "eye -1", lambda f: do(f.eye, -1)),
    "tensor: ragged": (ValueError, "length 2 length 1 dim 1", lambda f: do(f.tensor, [[1, 2], [3]])),
    "tensor: str": (ValueError, "str", lambda f: do(f.tensor, ["a"])),
    "tensor: None": (RuntimeError, "NoneType", lambda f: do(f.tensor, None)),
    "tensor: dict": (RuntimeError, "dict", lambda f: do(f.tensor, {})),
    "tensor: grad of ints": (RuntimeError, "floating", lambda f: do(f.tensor, [1], requires_grad=True)),
    "from_numpy: list": (TypeError, "ndarray list", lambda f: do(f.from_numpy, [1])),
    "from_numpy: str": (TypeError, "<U1", lambda f: do(f.from_numpy, np.array(["a"]))),
    "randint: order": (RuntimeError, "5 2", lambda f: do(f.randint, 5, 2, (3,))),
    "randperm: negative": (RuntimeError, "randperm -1", lambda f: do(f.randperm, -1)),
    "normal: std": (RuntimeError, "normal std -1", lambda f: do(f.normal, 0.0, -1.0, (2,))),
    "multinomial: many": (RuntimeError, "multinomial replacement", lambda f: do(f.multinomial, ones(f, 2), 3)),
    "multinomial: negative": (RuntimeError, "inf nan 0", lambda f: do(f.multinomial, -ones(f, 2), 1)),
    "multinomial: ints": (RuntimeError, "multinomial float", lambda f: do(f.multinomial, longs(f, 1, 2), 1)),
    "bernoulli: range": (RuntimeError, "0 1", lambda f: do(f.bernoulli, ones(f, 2) * 1.5)),
    "uniform_: order": (RuntimeError, "uniform_ 2 1", lambda f: do(ones(f, 2).uniform_, 2, 1)),
    "normal_: std": (RuntimeError, "normal std -1", lambda f: do(ones(f, 2).normal_, 0, -1)),
    "dropout: p": (ValueError, "dropout 0 1 2", lambda f: do(f.nn.functional.dropout, ones(f, 2), 2.0)),
    "manual_seed: str": (ValueError, "seed", lambda f: do(f.manual_seed, "a"), "int('a')"),
    # conversion
    "to: str": (RuntimeError, "floaty", lambda f: do(ones(f, 2).to, "floaty")),
    "to: number": (TypeError, "to float dtype", lambda f: do(ones(f, 2).to, 1.5), "float64 is what it makes of 1.5"),
    "item: many": (RuntimeError, "2 elements", lambda f: do(ones(f, 2).item)),
    "bool: many": (RuntimeError, "ambiguous", lambda f: do(bool, ones(f, 2))),
    "float: many": (ValueError, "one element [2]", lambda f: do(float, ones(f, 2))),
    "int: many": (ValueError, "one element [2]", lambda f: do(int, ones(f, 2))),
    "len: 0-d": (TypeError, "0-d", lambda f: do(len, f.tensor(1.0))),
    "iter: 0-d": (TypeError, "0-d", lambda f: do(iter, f.tensor(1.0))),
    "numpy: grad": (RuntimeError, "detach", lambda f: do(leaf(f, 2).numpy)),
    "numpy: bfloat16": (TypeError, "bfloat16", lambda f: do(ones(f, 2, dtype=f.bfloat16).numpy)),
    "cuda": (AssertionError, "CUDA", lambda f: do(ones(f, 2).cuda)),
    "device: index": (RuntimeError, "device -5", lambda f: do(f.device, "cpu:-5")),
    "dtype: attribute": (AttributeError, "float31", lambda f: do(getattr, f, "float31")),
    "tensor: attribute": (AttributeError, "Tensor shap", lambda f: do(getattr, ones(f, 2), "shap")),
    "type: name": (ValueError, "floaty", lambda f: do(ones(f, 2).type, "floaty")),
    # in place, out=, backward
    "add_: leaf": (RuntimeError, "leaf add_ no_grad", lambda f: do(leaf(f, 2).add_, 1)),
    "zero_: view of leaf": (RuntimeError, "view leaf", lambda f: do(leaf(f, 2)[0].zero_)),
    "fill_: expanded": (RuntimeError, "single memory location", lambda f: do(f.zeros(1).expand(3).add_, 1)),
    "out: grad": (RuntimeError, "exp out=", lambda f: do(f.exp, leaf(f, 2), out=f.empty(2))),
    "out: dtype": (RuntimeError, "add float long", lambda f: do(f.add, ones(f, 2), ones(f, 2), out=f.zeros(2, dtype=f.int64))),
    "out: list": (TypeError, "out list", lambda f: do(f.add, ones(f, 2), ones(f, 2), out=[1])),
    "copy_: shapes": (RuntimeError, "2 3", lambda f: do(ones(f, 2).copy_, ones(f, 3))),
    "copy_: list": (TypeError, "copy_ list", lambda f: do(ones(f, 2).copy_, [1.0, 2.0])),
    "fill_: tensor": (RuntimeError, "fill_ 0-dimension", lambda f: do(ones(f, 2).fill_, ones(f, 2))),
    "backward: twice": (RuntimeError, "second time retain_graph", lambda f: do(spent(f).backward)),
    "backward: overwritten": (RuntimeError, "Mul inplace clone", lambda f: do(overwritten(f).backward)),
    "backward: vector": (RuntimeError, "scalar [2]", lambda f: do((leaf(f, 2) * 2).backward)),
    "backward: data": (RuntimeError, "require grad", lambda f: do(f.ones(1).backward)),
    "backward: shape": (RuntimeError, "[3] [2]", lambda f: do((leaf(f, 2) * 2).backward, ones(f, 3))),
    "backward: str": (TypeError, "str", lambda f: do((leaf(f, 2) * 2).backward, "a")),
    "backward: gradient dtype": (
        RuntimeError, "grad_output complex64 float32", lambda f: do((leaf(f, 2) * 2).backward, f.ones(2, dtype=f.complex64)),
    ),
    "grad: unused": (RuntimeError, "allow_unused", lambda f: do(f.autograd.grad, leaf(f, 2).sum(), leaf(f, 2))),
    "grad: data": (RuntimeError, "require grad", lambda f: do(f.autograd.grad, leaf(f, 2).sum(), ones(f, 2))),
    "requires_grad: ints": (RuntimeError, "floating", lambda f: do(longs(f, 1).requires_grad_)),
    "requires_grad: non-leaf": (RuntimeError, "leaf", lambda f: do((leaf(f, 2) * 2).requires_grad_, False)),
    "grad: assign shape": (RuntimeError, "[3] [2]", lambda f: do(setattr, leaf(f, 2), "grad", ones(f, 3))),
    "grad: assign dtype": (RuntimeError, "type float64 float32", lambda f: do(setattr, leaf(f, 2), "grad", ones(f, 2, dtype=f.float64))),
    "grad: assign str": (TypeError, "str", lambda f: do(setattr, leaf(f, 2), "grad", "a")),
    "retain_grad: data": (RuntimeError, "retain_grad requires_grad", lambda f: do(ones(f, 2).retain_grad)),
    "data: assign": (TypeError, "data", lambda f: do(setattr, ones(f, 2), "data", [1.0])),
    "hook: data": (RuntimeError, "hook require", lambda f: do(ones(f, 2).register_hook, print)),
    "function: forward": (NotImplementedError, "forward", lambda f: do(type("F", (f.autograd.Function,), {}).apply, leaf(f, 2))),
    "gradcheck: nothing": (ValueError, "gradcheck require", lambda f: do(f.autograd.gradcheck, f.exp, (ones(f, 2),))),
    "jacobian: str": (TypeError, "jacobian str", lambda f: do(f.autograd.functional.jacobian, f.exp, "a")),
    "fft: dim": (IndexError, "[-1, 0] 1", lambda f: do(f.fft.fft, ones(f, 3), dim=1)),
    "fft: n": (RuntimeError, "0", lambda f: do(f.fft.fft, ones(f, 3), 0)),
    "fft: norm": (RuntimeError, "norm abc", lambda f: do(f.fft.fft, ones(f, 3), norm="abc")),
    "stft: length": (RuntimeError, "stft n_fft", lambda f: do(f.stft, ones(f, 3), 8, center=False, return_complex=True)),
}  # fmt: skip


def overwritten(f):
    y = leaf(f, 2).exp()
    z = (y * y).sum()
    with f.no_grad():
        y.mul_(2)
    return z


# Functions of one tensor, and names that take a tensor first: called with a str, they say that no tensor came.
NAMES = [
    name
    for namespace in ("", "nn.functional", "fft", "linalg", "special")
    for name in (
        (namespace + "." if namespace else "") + n
        for n in (
            "abs exp log sqrt sin cos tanh sigmoid relu ceil floor round trunc sign neg isnan isfinite logical_not sum mean prod std var max min "
            "argmax argmin cumsum sort topk unique flip roll squeeze unsqueeze transpose permute reshape flatten clone numel is_complex zeros_like ones_like "
            "rand_like randn_like empty_like full_like bernoulli multinomial tril triu diag trace det matmul mm bmm mv dot outer einsum_ addmm "
            "gather index_select masked_select nonzero where_ abs_ exp_ sqrt_ tanh_ polar complex lerp bitwise_left_shift"
            if not namespace
            else "softmax log_softmax dropout gelu elu silu mish glu hardtanh leaky_relu logsigmoid normalize layer_norm rms_norm mse_loss l1_loss "
            "kl_div hinge_embedding_loss pairwise_distance cosine_similarity pad interpolate unfold fold one_hot_ max_pool2d avg_pool2d conv2d"
            if namespace == "nn.functional"
            else "fft ifft rfft fftshift ifftshift" if namespace == "fft"
            else "inv det norm svd qr eigh cholesky matrix_rank solve lstsq pinv" if namespace == "linalg"
            else "erf gammaln i0 gammainc multigammaln zeta"
        ).split()
        if n not in ("einsum_", "where_", "one_hot_")
    )
]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_tensor_op(name):
    check(CASES[name])


@pytest.mark.parametrize("name", NAMES)
def test_str_for_tensor(name):
    import inspect

    def prepare(f):
        fn = operator.attrgetter(name)(f)
        if f is lw:
            prepare.count = sum(
                p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
                for p in inspect.signature(fn).parameters.values()
            )
        return do(fn, *["a"] * prepare.count)

    check((TypeError, "str", prepare, "TypeError, or AttributeError where Python does the work"))
