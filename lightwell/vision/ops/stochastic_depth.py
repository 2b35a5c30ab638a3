"""Stochastic depth: whole residual branches left out at random during training."""

import lightwell
from lightwell import nn
from lightwell.errors.teaching import ValueError

__all__ = ["StochasticDepth", "stochastic_depth"]


def stochastic_depth(input, p: float, mode: str, training: bool = True):
    """y = x · b/(1 - p) with b ~ Bernoulli(1 - p), one b for the batch (mode 'batch') or for each sample ('row').

    Raises ValueError for p outside [0, 1] or another mode. Huang et al. 2016, Deep Networks with Stochastic Depth.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import stochastic_depth
    >>> stochastic_depth(torch.ones(2, 1), p=0.0, mode="row").flatten()
    tensor([1., 1.])
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"stochastic_depth: p has to be a probability between 0 and 1, got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"stochastic_depth: mode has to be 'batch' or 'row', got {mode!r}")
    if not training or p == 0.0:
        return input
    shape = [input.shape[0] if mode == "row" else 1] + [1] * (input.ndim - 1)
    kept = lightwell.empty(shape, dtype=input.dtype, device=input.device).bernoulli_(1.0 - p)
    return input * (kept.div_(1.0 - p) if p < 1.0 else kept)


class StochasticDepth(nn.Module):
    """`stochastic_depth` as a module; does nothing in evaluation.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import StochasticDepth
    >>> StochasticDepth(0.5, "row")
    StochasticDepth(p=0.5, mode=row)
    """

    def __init__(self, p: float, mode: str):
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input):
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
