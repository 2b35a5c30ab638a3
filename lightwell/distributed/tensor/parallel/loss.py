"""Cross-entropy of logits whose classes lie on several ranks, without putting them together."""

from contextlib import contextmanager

from ....tensor import Tensor
from .._api import DTensor, local_of, wrap_local
from .._redistribute import _Reduce
from ..placement_types import Replicate, Shard

__all__ = ["loss_parallel"]


@contextmanager
def loss_parallel():
    """Within it, `cross_entropy` of logits with Shard(class dimension) is computed on the parts. Here it always is."""
    yield


def cross_entropy_in_parts(func, args, kwargs):
    """ℓ = log Σⱼ exp zⱼ - z_y for logits (N, C, *) cut along C on one mesh dimension, otherwise replicated; NotImplemented for others."""
    names = ("input", "target", "weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing")
    given = dict(zip(names, args), **kwargs)
    z, target = given["input"], given["target"]
    plain = (
        given.get("weight") is None
        and not given.get("label_smoothing")
        and given.get("size_average") is None
        and given.get("reduce") is None
    )
    if not isinstance(z, DTensor) or not plain or target.is_floating_point():
        return NotImplemented
    dim = 1 if z.dim() > 1 else 0
    cut = [j for j, p in enumerate(z.placements) if p.is_shard(dim)]
    if len(cut) != 1 or any(not isinstance(p, Replicate) for j, p in enumerate(z.placements) if j not in cut):
        return NotImplemented
    mesh, (j,) = z.device_mesh, cut
    group, rep = mesh.get_group(j), [Replicate()] * mesh.ndim
    if isinstance(target, DTensor):
        target = local_of(target.redistribute(placements=rep))
    part, ignore = local_of(z), given.get("ignore_index", -100)
    first, last = Shard.cut(z.shape[dim], mesh.size(j), mesh.get_local_rank(j))
    top = (
        part.detach().amax(dim, keepdim=True)
        if last > first
        else part.new_full([1 if d == dim else s for d, s in enumerate(z.shape)], float("-inf"))
    )
    top = _Reduce.apply(top, "max", group)
    total = _Reduce.apply((part - top).exp().sum(dim), "sum", group)
    kept = target != ignore
    mine = (target >= first) & (target < last) & kept
    index = ((target - first) * mine).unsqueeze(dim)
    picked: Tensor = part.gather(dim, index).squeeze(dim) * mine if last > first else part.sum(dim)
    loss = (total.log() + top.squeeze(dim) - _Reduce.apply(picked, "sum", group)) * kept
    reduction = given.get("reduction", "mean")
    if reduction == "mean":
        loss = loss.sum() / kept.sum()
    elif reduction == "sum":
        loss = loss.sum()
    return wrap_local(loss, mesh, rep, loss.shape)
