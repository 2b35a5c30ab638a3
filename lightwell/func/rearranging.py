"""rearrange: dimensions reordered, split and joined by a pattern of names (einops' notation; Rogozhnikov, 2022)."""

import math

from ..errors.teaching import ValueError
from ..tensor import Tensor

__all__ = ["rearrange"]


def _groups(side: str) -> list:
    """One side of a pattern as groups of names: "b (h w) ..." is [["b"], ["h", "w"], "..."]."""
    out: list = []
    inside = None
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(" and inside is None:
            inside = []
        elif word == ")" and inside is not None:
            out.append(inside)
            inside = None
        elif word in "()":
            raise ValueError(f"rearrange: brackets don't match in '{side.strip()}'")
        elif word == "...":
            if inside is not None or "..." in out:
                raise ValueError(f"rearrange: an ellipsis may stand once, outside brackets: '{side.strip()}'")
            out.append("...")
        elif word == "1":
            if inside is None:
                out.append([])
        elif not word.isidentifier():
            raise ValueError(f"rearrange: '{word}' in '{side.strip()}' is no name of a dimension")
        else:
            (out if inside is None else inside).append([word] if inside is None else word)
    if inside is not None:
        raise ValueError(f"rearrange: brackets don't match in '{side.strip()}'")
    return out


def rearrange(tensor, pattern: str, **axes_lengths: int) -> Tensor:
    """`tensor` with its dimensions as the right side of "left -> right" has them: reordered, split and joined where in brackets.

    `axes_lengths` gives the lengths that a split leaves open. `...` stands for dimensions without a name, 1 and () for
    those of length 1. A list of tensors is stacked first. ValueError for a pattern that doesn't fit.

    >>> import lightwell as torch
    >>> torch.func.rearrange(torch.zeros(2, 6, 3), "b (h w) c -> b c h w", h=2).shape
    torch.Size([2, 3, 2, 3])
    """
    if not isinstance(tensor, Tensor):
        from ..ops.join import stack

        tensor = stack(list(tensor))
    if pattern.count("->") != 1:
        raise ValueError(f"rearrange: the pattern must be 'left -> right', got '{pattern}'")
    left, right = map(_groups, pattern.split("->"))
    names, wanted = ([n for g in side if g != "..." for n in g] for side in (left, right))
    if len(set(names)) != len(names) or sorted(names) != sorted(wanted) or ("..." in left) != ("..." in right):
        raise ValueError(f"rearrange: each name must stand once on both sides of '{pattern}'")
    if unknown := set(axes_lengths) - set(names):
        raise ValueError(f"rearrange: {sorted(unknown)} don't occur in '{pattern}'")
    fixed = len(left) - ("..." in left)
    free = tensor.ndim - fixed
    if free < 0 or (free and "..." not in left):
        raise ValueError(f"rearrange: '{pattern}' is for {fixed} dimensions, the tensor has shape {list(tensor.shape)}")
    lengths, shape, order, at = dict(axes_lengths), [], [], 0
    dots: list = []
    for group in left:
        if group == "...":
            dots = list(tensor.shape[at : at + free])
            order += [f"...{k}" for k in range(free)]
            shape += dots
            at += free
            continue
        n, open_ = tensor.shape[at], [name for name in group if name not in lengths]
        known = math.prod(lengths[name] for name in group if name in lengths)
        if len(open_) > 1:
            raise ValueError(f"rearrange: give the lengths of all but one of {group} in '{pattern}'")
        if open_ and known and n % known == 0:
            lengths[open_[0]] = n // known
        elif open_ or known != n:
            raise ValueError(f"rearrange: dimension {at} of length {n} can't be {group} with {axes_lengths} in '{pattern}'")
        shape += [lengths[name] for name in group]
        order += group
        at += 1
    target, final = [], []
    for group in right:
        if group == "...":
            target += [f"...{k}" for k in range(free)]
            final += dots
        else:
            target += group
            final.append(math.prod(lengths[name] for name in group))
    return tensor.reshape(shape).permute([order.index(name) for name in target]).reshape(final)
