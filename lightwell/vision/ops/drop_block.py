"""DropBlock: squares of neighbouring features left out at random (Ghiasi et al. 2018)."""

import lightwell
from lightwell import nn
from lightwell.errors.teaching import ValueError

__all__ = ["DropBlock2d", "DropBlock3d", "drop_block2d", "drop_block3d"]


def _drop_block(input, p, block_size, inplace, eps, training, space):
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}.")
    if input.ndim != space + 2:
        raise ValueError(f"input should be {space + 2} dimensional. Got {input.ndim} dimensions.")
    if not training or p == 0.0:
        return input
    sizes = input.shape[2:]
    block = min(block_size, *sizes)
    if block % 2 == 0:
        raise ValueError(f"block size should be odd. Got {block} which is even.")
    whole, free = 1, 1
    for size in sizes:
        whole, free = whole * size, free * (size - block + 1)
    seeds = lightwell.empty((*input.shape[:2], *(s - block + 1 for s in sizes)), dtype=input.dtype, device=input.device)
    seeds.bernoulli_(p * whole / (block**space * free))
    half = block // 2
    seeds = nn.functional.pad(seeds, [half] * (2 * space), value=0)
    pool = nn.functional.max_pool2d if space == 2 else nn.functional.max_pool3d
    kept = 1 - pool(seeds, kernel_size=block, stride=1, padding=half)
    scale = kept.numel() / (eps + kept.sum())
    return input.mul_(kept).mul_(scale) if inplace else input * kept * scale


def drop_block2d(input, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, training: bool = True):
    """(N, C, H, W) with squares of ``block_size`` at 0, about the share p of all, the rest scaled up.

    Raises ValueError for a p that is no probability, another rank or an even block.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import drop_block2d
    >>> drop_block2d(torch.ones(1, 1, 4, 4), 0.5, 3, training=False).sum()
    tensor(16.)
    """
    return _drop_block(input, p, block_size, inplace, eps, training, 2)


def drop_block3d(input, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, training: bool = True):
    """`drop_block2d` for (N, C, D, H, W).

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import drop_block3d
    >>> drop_block3d(torch.ones(1, 1, 4, 4, 4), 0.5, 3, training=False).sum()
    tensor(64.)
    """
    return _drop_block(input, p, block_size, inplace, eps, training, 3)


class DropBlock2d(nn.Module):
    """`drop_block2d` as a module; does nothing in evaluation.

    >>> from lightwell.vision.ops import DropBlock2d
    >>> DropBlock2d(0.1, 3)
    DropBlock2d(p=0.1, block_size=3, inplace=False)
    """

    _space = 2

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06):
        super().__init__()
        self.p, self.block_size, self.inplace, self.eps = p, block_size, inplace, eps

    def forward(self, input):
        return _drop_block(input, self.p, self.block_size, self.inplace, self.eps, self.training, self._space)

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p}, block_size={self.block_size}, inplace={self.inplace})"


class DropBlock3d(DropBlock2d):
    """`drop_block3d` as a module.

    >>> from lightwell.vision.ops import DropBlock3d
    >>> DropBlock3d(0.1, 3)
    DropBlock3d(p=0.1, block_size=3, inplace=False)
    """

    _space = 3
