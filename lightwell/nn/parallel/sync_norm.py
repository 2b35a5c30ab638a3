"""Batch normalisation with the statistics of all ranks' batches together."""


def synchronized(input, weight, bias, mean, var, momentum: float, eps: float, group):
    """y = γ (x - m)/√(v + ε) + β with m and v over all ranks' inputs; running mean and variance move towards them.

    m = Σᵣ Σ x / n and v = Σᵣ Σ (x - m)² / n: two sums over the ranks, whose gradients are sums over the ranks again.
    """
    import lightwell as lw
    from lightwell.autograd.modes import no_grad
    from lightwell.distributed.collectives import all_reduce
    from lightwell.distributed.nn.functional import all_reduce as summed

    dims = [0, *range(2, input.dim())]
    shape = [1, -1] + [1] * (input.dim() - 2)
    work = input if input.dtype in (lw.float32, lw.float64) else input.float()
    count = lw.tensor([input.numel() // max(input.shape[1], 1)], dtype=lw.float64)
    all_reduce(count, group=group)
    n = count.item()
    m = summed(work.sum(dims), group=group) / n
    centred = work - m.reshape(shape)
    v = summed((centred * centred).sum(dims), group=group) / n
    if mean is not None:
        with no_grad():
            mean.mul_(1 - momentum).add_(m.detach().to(mean.dtype), alpha=momentum)
            var.mul_(1 - momentum).add_((v.detach() * (n / max(n - 1, 1))).to(var.dtype), alpha=momentum)
    y = centred * (v + eps).rsqrt().reshape(shape)
    if weight is not None:
        y = y * weight.reshape(shape)
    if bias is not None:
        y = y + bias.reshape(shape)
    return y.to(input.dtype)
