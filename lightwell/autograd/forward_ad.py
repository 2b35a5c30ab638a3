"""Forward mode by dual numbers: x + t·ε carries its tangent t along, and f(x + t·ε) = f(x) + J·t·ε.

Here a dual tensor is the primal at a fresh place in the graph, and a tangent is worked out when it is asked for, as the
derivative of the backward pass, which is linear in its cotangent u: J·t = d(Jᵀu·t)/du. So operations on duals must be
recorded (not under no_grad), duals show `requires_grad`, and there is one level, as in PyTorch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors.teaching import RuntimeError, ValueError
from ..tensor import Tensor, make
from . import modes
from .engine import grad, place_of
from .node import Alias, tick

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]

_levels: list[list] = []  # for each level, outermost first, its (dual, tangent) pairs
_current_level = -1


class UnpackedDualTensor(NamedTuple):
    """A primal and its tangent (None where the tensor depends on no dual)."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Begin a level and return its number, 0; RuntimeError within another. `dual_level` ends it by itself."""
    global _current_level
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment: use torch.func.jvp, which nests")
    _levels.append([])
    modes.state.transforms += 1
    _current_level = 0
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; its duals carry no tangents any more. RuntimeError where there is none."""
    global _current_level
    if not _levels:
        raise RuntimeError("Dual level must be a positive number: there is no level to exit; enter_dual_level() begins one")
    if level is not None and level != _current_level:
        raise RuntimeError(f"Trying to exit forward AD level {level}, but the current one is {_current_level}")
    _levels.pop()
    modes.state.transforms -= 1
    _current_level -= 1


class dual_level(modes._Switch):
    """Within it, `make_dual` and `unpack_dual` work.

    >>> import lightwell as torch
    >>> import lightwell.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     y = fwAD.make_dual(torch.tensor([2.]), torch.tensor([1.])) ** 3
    ...     fwAD.unpack_dual(y).tangent
    tensor([12.])
    """

    def __enter__(self):
        return enter_dual_level()

    def __exit__(self, *exc):
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Any:
    """`tensor` carrying `tangent`, of the same shape, through what is computed from it within the level.

    RuntimeError outside a level, or for a tangent of another shape; ValueError for integers.
    """
    if not _levels or (level is not None and level < 0):
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first.")
    for what, t in (("primal", tensor), ("tangent", tangent)):
        if not (t.is_floating_point() or t.is_complex()):
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {t.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not supported. "
            f"Tensor is of size {list(tensor.shape)} while the given forward gradient is of size {list(tangent.shape)}."
        )
    dual = make(tensor._a)
    if tensor.requires_grad:
        node = dual._node = object.__new__(Alias)
        node.edges, node.saved, node.cells, node.fit, node.extra, node.seq = (place_of(tensor),), (), (), None, None, tick()
    dual._rg = True
    _levels[-1].append((dual, tangent))
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """(primal, tangent) of a tensor; the tangent is None outside a level, or where no dual had a part in the tensor."""
    if not _levels or not tensor.requires_grad:
        return UnpackedDualTensor(tensor, None)
    for dual, tangent in _levels[-1]:
        if dual is tensor and not dual._version:
            return UnpackedDualTensor(make(dual._a) if dual._node is None else dual, tangent)
    duals = [d for d, _ in _levels[-1]]
    outer = any(d._node is not None or t.requires_grad for d, t in _levels[-1])
    with modes.enable_grad():
        u = make(tensor._a * 0).requires_grad_()
        gs = grad(tensor, duals, u, create_graph=True, allow_unused=True)
        pairs = [(g, t) for g, (_, t) in zip(gs, _levels[-1]) if g is not None]
        if not pairs:
            return UnpackedDualTensor(tensor, None)
        live = [(g, t) for g, t in pairs if g.requires_grad]
        tangent = grad([g for g, _ in live], u, [t for _, t in live], True, outer, allow_unused=True)[0] if live else None
    if tangent is None:
        tangent = make(tensor._a * 0)
    return UnpackedDualTensor(tensor if outer else tensor.detach(), tangent)
