"""gradcheck: compare a function's derivative with differences of its values.

A complex number counts as two real ones: of each output both parts are differentiated for both parts of each input.
"""

from typing import Any

import numpy as np

from ..errors.level import users_level
from ..errors.teaching import RuntimeError, ValueError
from ..tensor import Tensor, make
from . import modes
from .engine import grad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative that disagrees with the differences of the function's values."""


def _tensors(values) -> tuple:
    return (values,) if isinstance(values, Tensor) else tuple(values)


def _outputs(func, inputs) -> list:
    out = func(*inputs)
    return [t for t in _tensors(out) if isinstance(t, Tensor) and (t.is_floating_point() or t.is_complex())]


def _parts(array) -> np.ndarray:
    """The array as a flat float64 vector, complex numbers as their two parts, one after the other."""
    array = np.ascontiguousarray(array).reshape(-1)
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], axis=1).reshape(-1).astype(np.float64)
    return array.astype(np.float64)


def _values(func, inputs) -> list:
    with modes.no_grad():
        return [_parts(t._a).copy() for t in _outputs(func, inputs)]


def _steps(t: Tensor):
    """(index, unit) for each real number in `t`: 1, and 1j for the imaginary parts."""
    units = (1, 1j) if t.is_complex() else (1,)
    return [(index, unit) for index in np.ndindex(t._a.shape) for unit in units]


def _numerical(func, inputs, t: Tensor, eps: float) -> list:
    """For each output, its Jacobian for `t` by central differences, one row for each number in `t`."""
    if not t._a.size:
        return [np.zeros((0, len(v))) for v in _values(func, inputs)]
    rows = []
    for index, unit in _steps(t):
        before = t._a[index].copy()
        t._a[index] = before + eps * unit
        high = _values(func, inputs)
        t._a[index] = before - eps * unit
        low = _values(func, inputs)
        t._a[index] = before
        rows.append([(h - s) / (2 * eps) for h, s in zip(high, low)])
    return [np.array(column) for column in zip(*rows)]


def _analytical(output, wanted) -> list:
    """For each wanted input, the output's Jacobian by backward, one row for each number in the input."""
    columns = []
    for index, unit in _steps(output):
        one = np.zeros_like(output._a)
        one[index] = unit  # the gradient of Re(conj(unit)·output): of the real part for 1, of the imaginary one for 1j
        found = grad([output], wanted, [make(one)], retain_graph=True, allow_unused=True)
        columns.append([np.zeros(len(_parts(t._a))) if g is None else _parts(g._a) for g, t in zip(found, wanted)])
    if not columns:
        return [np.zeros((len(_parts(t._a)), 0)) for t in wanted]
    return [np.array(rows).T.reshape(len(_parts(t._a)), len(columns)) for rows, t in zip(zip(*columns), wanted)]


def gradcheck(
    func, inputs, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True, nondet_tol: float = 0.0,
    check_undefined_grad: bool = True, check_grad_dtypes: bool = False, check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False, check_forward_ad: bool = False, check_backward_ad: bool = True,
    fast_mode: bool = False, masked=None,
) -> bool:  # fmt: skip
    """Whether backward through `func` agrees with (f(x + eps) - f(x - eps)) / 2eps, for each input that requires grad.

    |analytical - numerical| ≤ atol + rtol·|numerical| is asked of each pair of an input's and an output's element (with
    `fast_mode`, of one random combination of all). The inputs should be float64 or complex128. GradcheckError where they
    disagree, or False without `raise_exception`; ValueError where no input requires grad.

    >>> import lightwell as torch
    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.sin, (x,))
    True
    """
    if check_forward_ad or check_batched_forward_grad:
        raise RuntimeError(
            "gradcheck: there is no forward-mode AD here to check: leave check_forward_ad and check_batched_forward_grad False"
        )
    inputs = _tensors(inputs)
    wanted = [t for t in inputs if isinstance(t, Tensor) and t.requires_grad]
    try:
        _check_inputs(inputs, wanted, raise_exception)
        with modes.enable_grad():
            outputs = _outputs(func, inputs)
            if check_backward_ad:
                check = _check_fast if fast_mode else _check_slow
                check(func, inputs, wanted, outputs, eps, atol, rtol)
            _check_repeats(func, inputs, wanted, nondet_tol, check_grad_dtypes)
            if check_batched_grad:
                _check_batched(outputs, wanted)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_inputs(inputs, wanted, raise_exception) -> None:
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True.")
    for i, t in enumerate(inputs):
        if isinstance(t, Tensor) and t.requires_grad:
            if t.dtype.itemsize < (16 if t.is_complex() else 8):
                import warnings

                warnings.warn(
                    f"Input #{i} requires gradient and is not a double precision floating point or complex. This check will likely "
                    "fail if all the inputs are not of double precision floating point or complex.",
                    UserWarning,
                    stacklevel=users_level(),
                )
            if t._a.size and any(s == 0 and n > 1 for s, n in zip(t._a.strides, t._a.shape)):
                raise RuntimeError(
                    f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to be "
                    "able to compute the numerical gradients correctly. You should call .contiguous on the input before passing it."
                )


def _check_slow(func, inputs, wanted, outputs, eps, atol, rtol) -> None:
    names = [i for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.requires_grad]
    analytical: list[Any] = [_analytical(o, wanted) if o.requires_grad else None for o in outputs]
    for k, t in enumerate(wanted):
        numerical = _numerical(func, inputs, t, eps)
        for j, n in enumerate(numerical):
            a = analytical[j][k] if analytical[j] is not None else np.zeros_like(n)
            if not np.allclose(a, n, rtol, atol, equal_nan=True):
                raise GradcheckError(
                    f"Jacobian mismatch for output {j} with respect to input {names[k]} "
                    f"(largest difference {np.nanmax(np.abs(a - n)) if a.size else 0:.3g}),\nnumerical:{n}\nanalytical:{a}\n"
                )


def _check_fast(func, inputs, wanted, outputs, eps, atol, rtol) -> None:
    rng = np.random.Generator(np.random.MT19937(7))
    steps = [_random_like(rng, t) for t in wanted]
    before = [t._a.copy() for t in wanted]

    def shifted(by):
        for t, b, s in zip(wanted, before, steps):
            t._a[...] = b + by * s
        return _values(func, inputs)

    high, low = shifted(eps), shifted(-eps)
    shifted(0)
    for j, o in enumerate(outputs):
        v = _random_like(rng, o)
        numerical = float(((high[j] - low[j]) / (2 * eps) * _parts(v)).sum())
        analytical = 0.0
        if o.requires_grad:
            for g, s in zip(grad([o], wanted, [make(v)], retain_graph=True, allow_unused=True), steps):
                analytical += 0.0 if g is None else float((_parts(g._a) * _parts(s)).sum())
        if not abs(analytical - numerical) <= atol * max(1, o._a.size) ** 0.5 + rtol * abs(numerical):
            raise GradcheckError(
                f"Jacobian mismatch for output {j} in a random combination of all elements (fast mode): "
                f"numerical:{numerical}, analytical:{analytical}. Run with fast_mode=False to see which element is wrong."
            )


def _random_like(rng, t: Tensor) -> np.ndarray:
    out = rng.random(t._a.shape) - 0.5
    if t.is_complex():
        out = out + 1j * (rng.random(t._a.shape) - 0.5)
    return np.asarray(out, t._a.dtype)


def _check_repeats(func, inputs, wanted, tolerance: float, check_dtypes: bool) -> None:
    """Backward twice must give the same gradients, and of the inputs' dtypes."""
    runs = []
    for _ in range(2):
        outputs = [o for o in _outputs(func, inputs) if o.requires_grad]
        if not outputs:
            return
        ones = [make(np.ones_like(o._a)) for o in outputs]
        runs.append(grad(outputs, wanted, ones, allow_unused=True))
    for k, (a, b, t) in enumerate(zip(*runs, wanted)):
        if a is not None and not np.allclose(a._a, b._a, 0, tolerance, equal_nan=True):
            raise GradcheckError(
                f"Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives "
                f"different values for input {k}, although analytical gradient matches numerical gradient. The tolerance for "
                f"nondeterminism was {tolerance}."
            )
        if check_dtypes and a is not None and a.dtype is not t.dtype:
            raise GradcheckError(f"the gradient of input {k} has dtype {a.dtype}, the input {t.dtype}")


def _check_batched(outputs, wanted) -> None:
    """A batch of gradients handed back at once must equal one at a time."""
    for o in (o for o in outputs if o.requires_grad):
        batch = [make(np.ones_like(o._a)), make(np.full_like(o._a, 2))]
        both = make(np.stack([b._a for b in batch]))
        found = grad([o], wanted, [both], retain_graph=True, allow_unused=True, is_grads_batched=True)
        for i, b in enumerate(batch):
            alone = grad([o], wanted, [b], retain_graph=True, allow_unused=True, materialize_grads=True)
            for f, g in zip(found, alone):
                if not np.allclose(f._a[i], g._a):
                    raise GradcheckError("gradients computed as a batch differ from those computed one at a time")


def gradgradcheck(
    func, inputs, grad_outputs=None, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True, nondet_tol: float = 0.0,
    check_undefined_grad: bool = True, check_grad_dtypes: bool = False, check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True, fast_mode: bool = False, masked: bool = False,
) -> bool:  # fmt: skip
    """`gradcheck` of the derivative: whether second derivatives agree with differences of first ones.

    The first derivative is that of Σ func(inputs)·grad_outputs, with random `grad_outputs` where none are given.

    >>> import lightwell as torch
    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(torch.sin, (x,))
    True
    """
    inputs = _tensors(inputs)
    with modes.enable_grad():
        outputs = [o for o in _outputs(func, inputs) if o.requires_grad]
    if grad_outputs is None:
        from ..ops.sampling import rand_like

        grad_outputs = []
        for o in outputs:
            a = np.asarray(rand_like(o.detach())._a * 2 - (1 + 1j if o.is_complex() else 1))  # drawn as PyTorch draws them
            if gen_non_contig_grad_outputs and a.ndim:
                a = np.repeat(a[..., None], 2, axis=-1)[..., 0]
            grad_outputs.append(make(a).requires_grad_())
    grad_outputs = _tensors(grad_outputs)
    n = len(inputs)

    def first(*args):
        given, v = args[:n], args[n:]
        with modes.enable_grad():
            outs = [o for o in _outputs(func, given) if o.requires_grad]
            wanted = [t for t in given if isinstance(t, Tensor) and t.requires_grad]
            found = grad(outs, wanted, v, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        first, (*inputs, *grad_outputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
        check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad, fast_mode=fast_mode,
    )  # fmt: skip
