"""Jacobians and Hessians: many vjps or jvps, for the rows of the identity, in one vmap."""

import functools

from ..autograd import modes
from ..errors.teaching import ValueError
from ..utils._pytree import tree_unflatten
from .differentiate import Linear, _argnums, _enter, _left, _split_aux, _zeros, pull
from .vmap import tensors_only, vmap

__all__ = ["hessian", "jacfwd", "jacrev"]


def _basis(tensors) -> list:
    """For each tensor its part of the rows of the identity over all of them: [(Σ numel, *shape)]."""
    from .. import eye, zeros

    total = sum(t.numel() for t in tensors)
    rows, at = [], 0
    for t in tensors:
        n = t.numel()
        part = zeros(total, n, dtype=t.dtype)
        part[at : at + n] = eye(n, dtype=t.dtype)
        rows.append(part.reshape(total, *t.shape))
        at += n
    return rows


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None, _preallocate_and_copy=False):
    """The Jacobian by backward passes, one for each output element, all in one vmap (or `chunk_size` at a time).

    J[output index…, input index…] = d outputᵢ/d inputⱼ, in the trees of outputs and of the chosen argument(s).

    >>> import lightwell as torch
    >>> torch.func.jacrev(lambda x: x**2)(torch.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args):
        numbers = _argnums(argnums, args)
        entered, new, spec = _enter(args, numbers)
        with modes.enable_grad():
            out, aux = _split_aux(modes.transformed(func, *new), has_aux, "jacrev(f, *args)")
        ys, out_spec = tensors_only(out, "vjp(f, *primals): expected f(*primals)")
        rows = _basis(ys)

        def back(*vs):
            return tuple(_zeros(pull(ys, entered, vs), entered.tensors))

        blocks = (
            vmap(back, chunk_size=chunk_size)(*rows) if sum(y.numel() for y in ys) else [x.new_zeros(0, *x.shape) for x in entered.tensors]
        )
        result, at = [], 0
        for y in ys:
            n = y.numel()
            parts = [b.narrow(0, at, n).reshape(*y.shape, *x.shape) for b, x in zip(blocks, entered.tensors)]
            tree = _left(tree_unflatten(parts, spec), entered)
            result.append(tree if isinstance(argnums, tuple) else tree[0])
            at += n
        made = tree_unflatten(result, out_spec)
        return (made, _left(aux, entered)) if has_aux else made

    return wrapper


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """The Jacobian by jvps, one for each input element, all in one vmap; results as `jacrev`'s.

    >>> import lightwell as torch
    >>> torch.func.jacfwd(torch.sin)(torch.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    @functools.wraps(func)
    def wrapper(*args):
        numbers = _argnums(argnums, args)
        line = Linear(func, args, numbers, has_aux, "jacfwd(f, *args)")
        xs = line.entered.tensors
        columns = vmap(lambda *ts: tuple(line(ts)), out_dims=-1, randomness=randomness)(*_basis(xs))
        result = []
        for y, c in zip(line.ys, columns):
            parts, at = [], 0
            for x in xs:
                parts.append(c.narrow(-1, at, x.numel()).reshape(*y.shape, *x.shape))
                at += x.numel()
            tree = tree_unflatten(parts, line.spec)
            result.append(tree if isinstance(argnums, tuple) else tree[0])
        made = tree_unflatten(result, line.out_spec)
        return (made, _left(line.aux, line.entered)) if has_aux else made

    return wrapper


def hessian(func, argnums=0):
    """The matrix of second derivatives: jacfwd of jacrev.

    >>> import lightwell as torch
    >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
