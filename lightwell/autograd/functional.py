"""Whole derivatives of functions: Jacobian and Hessian matrices, and their products with vectors."""

import numpy as np

from ..errors.teaching import NotImplementedError, RuntimeError, TypeError, ValueError
from ..tensor import Tensor, make
from . import modes
from .engine import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _tuple(value, what: str, op: str):
    """(is a tuple, the tuple) of one tensor or several; TypeError for anything else."""
    several = isinstance(value, tuple)
    out = value if several else (value,)
    for i, t in enumerate(out):
        if not isinstance(t, Tensor):
            at = f" at index {i}" if several else ""
            raise TypeError(f"The {what} given to {op} must be either a Tensor or a tuple of Tensors but the value{at} has type {type(t)}.")
    return several, out


def _prepared(inputs, create_graph: bool) -> tuple:
    """The inputs as fresh points of the graph, connected to the caller's graph when that is to be kept."""
    if create_graph:
        return tuple(t.view_as(t) if t.requires_grad else t.clone().requires_grad_() for t in inputs)
    return tuple(t.detach().clone().requires_grad_() for t in inputs)


def _finished(value, create_graph: bool):
    if isinstance(value, tuple):
        return tuple(_finished(v, create_graph) for v in value)
    return value if create_graph else value.detach()


def _strict(values, what: str, op: str, strict: bool) -> None:
    if strict:
        for i, t in enumerate(values):
            if t is None or not t.requires_grad:
                raise RuntimeError(
                    f"Output {i} of the user-provided function does not require gradients: in strict mode the {what} of {op} "
                    "must depend on the inputs."
                )


def _grads(outputs, inputs, v, create_graph, strict, op):
    """autograd.grad with zeros where an input takes no part (RuntimeError there in strict mode)."""
    kept = [(o, g) for o, g in zip(outputs, v) if o.requires_grad]
    if kept:
        found = grad([o for o, _ in kept], inputs, [g for _, g in kept], True, create_graph, allow_unused=True)
    else:
        found = (None,) * len(inputs)
    if strict:
        for i, g in enumerate(found):
            if g is None:
                raise RuntimeError(f"{op}: the function is independent of input {i}. This is not allowed in strict mode.")
            if create_graph and not g.requires_grad:
                raise RuntimeError(
                    f"{op}: the derivative is independent of input {i}. This is not allowed in strict mode when create_graph=True."
                )
    return tuple(make(np.zeros_like(t._a)) if g is None else g for g, t in zip(found, inputs))


def _vector(v, like, op: str, several: bool):
    """`v`, checked against the tensors that it belongs to; ones where it may be left out."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"{op}: the vector v can only be None if there is a single value, and it has one element: pass v of the same shape"
            )
        return (like[0].detach() * 0 + 1,)
    _, v = _tuple(v, "vector v", op)
    if len(v) != len(like):
        raise RuntimeError(f"{op}: v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
    for i, (a, b) in enumerate(zip(v, like)):
        if a.shape != b.shape:
            raise RuntimeError(f"{op}: v has invalid size at entry {i}: should be {b.shape} but got {a.shape}.")
    return v


def vjp(func, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), vᵀJ): the product of a vector with func's Jacobian J, by one backward pass.

    `v` has the output's shape, and may be left out for one element. Tuples of tensors for several inputs or outputs.

    >>> import lightwell as torch
    >>> torch.autograd.functional.vjp(lambda x: x**2, torch.tensor([1., 2.]), torch.tensor([1., 1.]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with modes.enable_grad():
        several, inputs = _tuple(inputs, "inputs", "vjp")
        inputs = _prepared(inputs, create_graph)
        many, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "vjp")
        _strict(outputs, "outputs", "vjp", strict)
        v = _vector(v, outputs, "vjp", many)
        found = _grads(outputs, inputs, v, create_graph, strict, "vjp")
    outputs, found = _finished(outputs, create_graph), _finished(found, create_graph)
    return outputs if many else outputs[0], found if several else found[0]


def jvp(func, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), Jv): the product of func's Jacobian J with a vector.

    uᵀJ is linear in u, with derivative J: so Jv is the gradient of (uᵀJ)·v for u, two backward passes.

    >>> import lightwell as torch
    >>> torch.autograd.functional.jvp(lambda x: x**2, torch.tensor([1., 2.]), torch.tensor([1., 1.]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with modes.enable_grad():
        several, inputs = _tuple(inputs, "inputs", "jvp")
        inputs = _prepared(inputs, create_graph)
        v = _vector(v, inputs, "jvp", several)
        many, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "jvp")
        _strict(outputs, "outputs", "jvp", strict)
        u = tuple((o.detach() * 0).requires_grad_() for o in outputs)
        back = _grads(outputs, inputs, u, True, strict, "jvp")
        found = _grads(back, u, v, create_graph, False, "jvp")
    outputs, found = _finished(outputs, create_graph), _finished(found, create_graph)
    return outputs if many else outputs[0], found if many else found[0]


def jacobian(func, inputs, create_graph: bool = False, strict: bool = False, vectorize: bool = False, strategy: str = "reverse-mode"):
    """The matrix of all derivatives: J[i…, j…] = ∂ func(inputs)[i…] / ∂ inputs[j…], of shape output.shape + input.shape.

    A tuple of inputs gives a tuple of matrices, a tuple of outputs a tuple of those. One backward pass per output
    element. `vectorize` and `strategy` are accepted for PyTorch's sake: the result is the same.

    >>> import lightwell as torch
    >>> torch.autograd.functional.jacobian(lambda x: x**2, torch.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_strategy(strategy, create_graph, strict, vectorize)
    with modes.enable_grad():
        several, inputs = _tuple(inputs, "inputs", "jacobian")
        inputs = _prepared(inputs, create_graph)
        many, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "jacobian")
        _strict(outputs, "outputs", "jacobian", strict)
        rows = tuple(_rows(o, inputs, create_graph, strict) for o in outputs)
    rows = _finished(rows, create_graph)
    if not several:
        rows = tuple(row[0] for row in rows)
    return rows if many else rows[0]


def _rows(output, inputs, create_graph, strict) -> tuple:
    """One output's derivatives for each input."""
    from ..ops.join import stack

    found = []
    for i in range(output.numel()):
        one = make(np.zeros_like(output._a))
        one._a.reshape(-1)[i] = 1
        found.append(_grads((output,), inputs, (one,), create_graph, strict, "jacobian"))
    if not found:
        return tuple(t.new_zeros((*output.shape, *t.shape)) for t in inputs)
    return tuple(stack(column).reshape((*output.shape, *t.shape)) for column, t in zip(zip(*found), inputs))


def _check_strategy(strategy, create_graph, strict, vectorize) -> None:
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"jacobian: Expected strategy to be either 'forward-mode' or 'reverse-mode', got {strategy!r}")
    if strategy == "forward-mode" and create_graph:
        raise NotImplementedError("jacobian: `create_graph=True` and `strategy='forward-mode'` don't go together: use reverse-mode.")
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError("Computing Jacobian using forward-AD is only implemented for `vectorize=True`.")
    if strict and vectorize:
        raise RuntimeError("jacobian: `strict=True` and `vectorize=True` are not supported together.")


def _scalar(func, op: str):
    """`func`, with its output checked to be a single number."""

    def checked(*args):
        out = func(*args)
        _, (only, *more) = _tuple(out, "outputs of the user-provided function", op)
        if more:
            raise RuntimeError(f"The function given to {op} should return a single Tensor")
        if only.numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {op} should contain a single element; it has shape {list(only.shape)}"
            )
        return only.squeeze()

    return checked


def hessian(
    func, inputs, create_graph: bool = False, strict: bool = False, vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode"
):  # fmt: skip
    """The matrix of second derivatives of a scalar function: H[i…, j…] = ∂² func(inputs) / ∂inputs[i…] ∂inputs[j…].

    A tuple of inputs gives a tuple of tuples of matrices. RuntimeError where func doesn't return one element.

    >>> import lightwell as torch
    >>> torch.autograd.functional.hessian(lambda x: (x**3).sum(), torch.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    if outer_jacobian_strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"hessian: outer_jacobian_strategy is 'forward-mode' or 'reverse-mode', not {outer_jacobian_strategy!r}")
    several, inputs = _tuple(inputs, "inputs", "hessian")
    scalar = _scalar(func, "hessian")

    def first(*args):
        if outer_jacobian_strategy == "forward-mode":
            args = tuple(a.view_as(a) for a in args)
        found = jacobian(scalar, args if several else args[0], create_graph=True)
        if strict:
            for i, g in enumerate(found if several else (found,)):
                if not g.requires_grad:
                    raise RuntimeError(f"hessian: the gradient is independent of input {i}. This is not allowed in strict mode.")
        return found

    return jacobian(first, inputs if several else inputs[0], create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(func, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), vᵀH): the product of a vector with the Hessian H of a scalar function, without making H.

    >>> import lightwell as torch
    >>> torch.autograd.functional.vhp(lambda x: (x**3).sum(), torch.tensor([1., 2.]), torch.tensor([1., 1.]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


def hvp(func, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), Hv): the product of the Hessian H of a scalar function with a vector, without making H.

    H is symmetric, so this is vᵀH: the gradient of (gradient of func)·v.

    >>> import lightwell as torch
    >>> torch.autograd.functional.hvp(lambda x: (x**3).sum(), torch.tensor([1., 2.]), torch.tensor([1., 1.]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(func, inputs, v, create_graph, strict, op):
    with modes.enable_grad():
        several, inputs = _tuple(inputs, "inputs", op)
        inputs = _prepared(inputs, create_graph)
        v = _vector(v, inputs, op, several)
        output = _scalar(func, op)(*inputs)
        _strict((output,), "outputs", op, strict)
        first = _grads((output,), inputs, (make(np.ones_like(output._a)),), True, strict, op)
        found = _grads(first, inputs, v, create_graph, strict, op)
    found = _finished(found, create_graph)
    return _finished(output, create_graph), found if several else found[0]
