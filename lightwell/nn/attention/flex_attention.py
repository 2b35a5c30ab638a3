"""Attention whose scores and masks are programs: `flex_attention(q, k, v, score_mod, block_mask)`.

The programs see the whole grid of places at once, as broadcast index tensors: they must work element by element.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors.teaching import AssertionError, NotImplementedError, RuntimeError, TypeError, ValueError
from ...tensor import Tensor

__all__ = [
    "AuxOutput", "AuxRequest", "BlockMask", "and_masks", "create_block_mask", "create_mask", "flex_attention", "noop_mask", "or_masks",
]  # fmt: skip


class AuxRequest(NamedTuple):
    """What `flex_attention` should return beside its output."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for: log-sum-exp and largest score of each query, (B, H, L)."""

    lse: Any = None
    max_scores: Any = None


def noop_mask(batch, head, token_q, token_kv):
    """The mask that lets every key take part."""
    return batch.new_ones(size=(), dtype=_lw().bool)


def _lw():
    import lightwell

    return lightwell


def and_masks(*mask_mods) -> Callable:
    """The mask that holds where all of these hold."""
    return _combined("and_masks", mask_mods, True, lambda x, y: x & y)


def or_masks(*mask_mods) -> Callable:
    """The mask that holds where one of these holds."""
    return _combined("or_masks", mask_mods, False, lambda x, y: x | y)


def _combined(name, mask_mods, start, join):
    if not all(callable(m) for m in mask_mods):
        raise RuntimeError(f"{name}: all inputs should be callable mask_mods: {mask_mods}")

    def mask_mod(b, h, q, kv):
        result = b.new_full((), start, dtype=_lw().bool)
        for m in mask_mods:
            result = join(result, m(b, h, q, kv))
        return result

    return mask_mod


def _grid(b, h, q, kv):
    """The four index tensors, broadcastable to (b, h, q, kv)."""
    lw = _lw()
    return tuple(lw.arange(n).reshape([-1 if k == i else 1 for k in range(4)]) for i, n in enumerate((b, h, q, kv)))


def create_mask(mod_fn, B, H, Q_LEN: int, KV_LEN: int, device=None):
    """A mask program written out as (B, H, Q_LEN, KV_LEN) booleans; a score program's scores of zeros. None stands for 1.

    >>> import lightwell as torch
    >>> from lightwell.nn.attention.flex_attention import create_mask
    >>> create_mask(lambda b, h, q, kv: q >= kv, None, None, 2, 2).tolist()
    [[[[True, False], [True, True]]]]
    """
    import inspect

    lw = _lw()
    shape = (B or 1, H or 1, Q_LEN, KV_LEN)
    places = _grid(*shape)
    positional = [p for p in inspect.signature(mod_fn).parameters.values() if p.default is p.empty and p.kind in (0, 1)]
    if len(positional) == 5:
        scores = mod_fn(lw.zeros(shape), *places)
        return lw.where(scores == -math.inf, False, True).expand(shape).clone()
    return lw.as_tensor(mod_fn(*places)).expand(shape).clone()


def _pair(size) -> tuple:
    return (size, size) if isinstance(size, int) else tuple(size)


def _ordered(blocks):
    """(number of True per row, their columns first and the others behind) of a (…, rows, columns) boolean tensor."""
    lw = _lw()
    return blocks.sum(-1).to(lw.int32), lw.argsort(blocks.to(lw.int32), dim=-1, descending=True, stable=True).to(lw.int32)


def _dense(count, columns):
    """The inverse of `_ordered`."""
    lw = _lw()
    kept = lw.arange(columns.shape[-1]) < count[..., None]
    return lw.zeros(columns.shape, dtype=lw.bool).scatter(-1, columns.long(), kept)


class BlockMask:
    """Which blocks of the grid of queries and keys take part: in full, or in part by `mask_mod`.

    Made by `create_block_mask`, or by `from_kv_blocks` from the numbers and places of the key blocks of each query block.
    """

    def __init__(
        self, seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks=None, full_kv_indices=None, q_num_blocks=None, q_indices=None,
        full_q_num_blocks=None, full_q_indices=None, BLOCK_SIZE=(128, 128), mask_mod=noop_mask, **orders,
    ):  # fmt: skip
        if kv_indices.ndim < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        self.seq_lengths, self.BLOCK_SIZE, self.mask_mod = tuple(seq_lengths), _pair(BLOCK_SIZE), mask_mod
        self.kv_num_blocks, self.kv_indices = kv_num_blocks, kv_indices
        self.full_kv_num_blocks, self.full_kv_indices = full_kv_num_blocks, full_kv_indices
        self.q_num_blocks, self.q_indices = q_num_blocks, q_indices
        self.full_q_num_blocks, self.full_q_indices = full_q_num_blocks, full_q_indices

    @classmethod
    def from_kv_blocks(
        cls, kv_num_blocks, kv_indices, full_kv_num_blocks=None, full_kv_indices=None, BLOCK_SIZE=128, mask_mod=None, seq_lengths=None,
        compute_q_blocks: bool = True, **orders,
    ):  # fmt: skip
        """The mask of these key blocks for each query block: (B, H, rows) numbers, (B, H, rows, columns) places."""
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError("full_kv_num_blocks and full_kv_indices must be both provided or omitted")
        size = _pair(BLOCK_SIZE)
        if seq_lengths is None:
            seq_lengths = (kv_indices.shape[-2] * size[0], kv_indices.shape[-1] * size[1])
        turned: list = [None] * 4
        if compute_q_blocks:
            turned[:2] = _ordered(_dense(kv_num_blocks, kv_indices).transpose(-2, -1))
            if full_kv_num_blocks is not None:
                turned[2:] = _ordered(_dense(full_kv_num_blocks, full_kv_indices).transpose(-2, -1))
        return cls(
            seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, *turned, size, mask_mod or noop_mask
        )  # fmt: skip

    @property
    def shape(self):
        """(B, H, queries, keys)."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """The number of places of the grid, all batches and heads together."""
        return math.prod(self.shape)

    def _blocks(self):
        """(blocks that the program looks into, blocks taken whole) as booleans."""
        part = _dense(self.kv_num_blocks, self.kv_indices)
        full = self.full_kv_num_blocks
        return part, part & False if full is None else _dense(full, self.full_kv_indices)

    def to_dense(self):
        """(B, H, rows, columns) of blocks: 1 where a block takes part, wholly or not."""
        part, full = self._blocks()
        return (part | full).to(_lw().int32)

    def sparsity(self) -> float:
        """The share, in percent, of the grid that isn't computed."""
        computed = self.kv_num_blocks.sum().item()
        if self.full_kv_num_blocks is not None:
            computed += self.full_kv_num_blocks.sum().item()
        return 100 * (1 - computed * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def as_tuple(self, flatten: bool = True) -> tuple:
        """The constructor's arguments."""
        rest = (self.kv_num_blocks, self.kv_indices, self.full_kv_num_blocks, self.full_kv_indices, self.q_num_blocks, self.q_indices,
                self.full_q_num_blocks, self.full_q_indices)  # fmt: skip
        if flatten:
            return (*self.seq_lengths, *rest, *self.BLOCK_SIZE, self.mask_mod)
        return (self.seq_lengths, *rest, self.BLOCK_SIZE, self.mask_mod)

    def _map(self, f):
        tensors = [t if t is None else f(t) for t in self.as_tuple(False)[1:9]]
        return BlockMask(self.seq_lengths, *tensors, self.BLOCK_SIZE, self.mask_mod)

    def to(self, device):
        """This mask on a device."""
        return self._map(lambda t: t.to(device))

    def __getitem__(self, index):
        """The mask of some batches and heads, or of some query blocks."""
        index = index if isinstance(index, tuple) else (index,)
        index = tuple(
            slice(i, i + 1) if isinstance(i, int) and i >= 0 else slice(i, i + 1 or None) if isinstance(i, int) else i for i in index
        )
        count, columns = self.kv_num_blocks[index], self.kv_indices[index]
        full, places = self.full_kv_num_blocks, self.full_kv_indices
        if full is not None:
            full, places = full[index], places[index]
        return BlockMask.from_kv_blocks(count, columns, full, places, self.BLOCK_SIZE, None, self.seq_lengths, self.q_indices is not None)

    def to_string(self, grid_size=(20, 20), limit: int = 4) -> str:
        """A picture per batch and head, `limit` of them: ██ where blocks take part, ░░ where some of the cell's do."""
        dense, texts = self.to_dense(), []
        lead = dense.shape[:-2]
        rows, columns = dense.shape[-2:]
        wide = (rows, columns) if grid_size == -1 else _pair(grid_size)
        step_r, step_c = -(-rows // min(wide[0], rows)), -(-columns // min(wide[1], columns))
        for n, picture in enumerate(dense.reshape(-1, rows, columns).tolist()):
            if n == limit:
                texts.append("...\nTo print out more, set BlockMask.to_string(limit=N)")
                texts[-1] += "\nYou can also index (BlockMask[batch, head]) to choose a specific batch or head"
                break
            index, left = [], n
            for size in reversed(lead):
                left, i = divmod(left, size)
                index.insert(0, i)
            lines = [f"({', '.join(map(str, index))})"]
            for r in range(0, rows, step_r):
                line = ""
                for c in range(0, columns, step_c):
                    cell = [v for row in picture[r : r + step_r] for v in row[c : c + step_c]]
                    line += "██" if all(cell) else "░░" if any(cell) else "  "
                lines.append(line)
            texts.append("\n".join(lines))
        return "\n\n".join(texts).rstrip()

    def __str__(self):
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{self.to_string()}\n)"

    __repr__ = __str__

    def allowed(self, shape):
        """The places (B, H, queries, keys) that take part, for a grid of this shape, as booleans."""
        part, full = self._blocks()
        rows, columns = self.BLOCK_SIZE

        def spread(blocks):
            return blocks.repeat_interleave(rows, -2).repeat_interleave(columns, -1)[..., : shape[-2], : shape[-1]]

        seen = _lw().as_tensor(self.mask_mod(*_grid(*shape)))
        return (spread(part) & seen) | spread(full)


def create_block_mask(
    mask_mod, B, H, Q_LEN: int, KV_LEN: int, device=None, BLOCK_SIZE=128, _compile=False, separate_full_blocks: bool = True,
    compute_dq_write_order: bool = False, dq_kv_order: bool = True,
) -> BlockMask:  # fmt: skip
    """The BlockMask of the program `mask_mod(b, h, q_idx, kv_idx) -> bool`; None for B or H stands for "the same for all".

    >>> import lightwell as torch
    >>> from lightwell.nn.attention.flex_attention import create_block_mask
    >>> mask = create_block_mask(lambda b, h, q, kv: q >= kv, None, None, 256, 256, device="cpu")
    >>> mask.shape, mask.sparsity()
    ((1, 1, 256, 256), 25.0)
    """
    lw = _lw()
    rows, columns = _pair(BLOCK_SIZE)
    places = create_mask(mask_mod, B, H, Q_LEN, KV_LEN)
    padded = lw.nn.functional.pad(places, (0, -KV_LEN % columns, 0, -Q_LEN % rows))
    blocks = padded.reshape(*padded.shape[:2], padded.shape[2] // rows, rows, padded.shape[3] // columns, columns).sum((-3, -1))
    whole = blocks == rows * columns
    if separate_full_blocks:
        part, full = _ordered((blocks > 0) & ~whole), _ordered(whole)
    else:
        part, full = _ordered(blocks > 0), (None, None)
    return BlockMask.from_kv_blocks(*part, *full, (rows, columns), mask_mod, (Q_LEN, KV_LEN))


def flex_attention(
    query, key, value, score_mod=None, block_mask=None, scale=None, enable_gqa: bool = False, return_lse: bool = False,
    kernel_options=None, *, return_aux=None,
):  # fmt: skip
    r"""y = softmax(score_mod(scale·q kᵀ)) v over the places that `block_mask` lets take part; a query without keys gives 0.

    q (B, H, L, E), k (B, Hₖ, S, E), v (B, Hₖ, S, Eᵥ) to (B, H, L, Eᵥ). `score_mod(score, b, h, q_idx, kv_idx)` returns
    the new scores. With `return_aux=AuxRequest(lse=True)` the result is (y, AuxOutput); `return_lse=True` is its old form.
    NotImplementedError: not four dimensions; ValueError: shapes that don't fit (Dong et al., "Flex Attention", 2024).

    >>> import lightwell as torch
    >>> from lightwell.nn.attention.flex_attention import flex_attention
    >>> q = torch.ones(1, 1, 2, 4); v = torch.eye(2)[None, None]
    >>> flex_attention(q, q, v, score_mod=lambda score, b, h, q, kv: torch.where(q >= kv, score, -float("inf")))
    tensor([[[[1.0000, 0.0000],
              [0.5000, 0.5000]]]])
    """
    lw = _lw()
    if not all(isinstance(t, Tensor) for t in (query, key, value)):
        raise TypeError("flex_attention: query, key and value must be Tensors")
    if not query.dim() == key.dim() == value.dim() == 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors: (batch, heads, length, features)")
    heads, kv_heads = query.shape[1], key.shape[1]
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"Expect query and key/value to have the same embedding dimension but got E={query.shape[-1]} and E={key.shape[-1]}."
        )
    if heads != kv_heads:
        if not enable_gqa:
            raise ValueError(
                f"Expect query and key/value to have the same number of heads but got Hq={heads} and Hkv={kv_heads}. "
                "Try setting enable_gqa=True for GQA."
            )
        if heads % kv_heads:
            raise ValueError(f"Expect number of query heads to be a multiple of kv heads for GQA but got Hq={heads} and Hkv={kv_heads}.")
        key, value = (t.repeat_interleave(heads // kv_heads, 1) for t in (key, value))
    if query.shape[0] != key.shape[0]:
        if key.shape[0] != 1 and block_mask is None:
            raise ValueError(f"Expect batch dimensions to match, or keys of batch 1: got {query.shape[0]} and {key.shape[0]}.")
    scores = (query @ key.transpose(-2, -1)) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if score_mod is not None:
        scores = score_mod(scores, *_grid(*scores.shape)).to(query.dtype).expand(scores.shape)
    if block_mask is not None:
        if tuple(block_mask.seq_lengths) != tuple(scores.shape[-2:]) and (
            block_mask.seq_lengths[0] < scores.shape[-2] or block_mask.seq_lengths[1] < scores.shape[-1]
        ):
            raise ValueError(
                f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={scores.shape[-2]} and "
                f"kv_len={scores.shape[-1]}: create it for these lengths."
            )
        scores = lw.where(block_mask.allowed(tuple(scores.shape)), scores, -math.inf)
    empty = (scores == -math.inf).all(-1, keepdim=True)
    weights = lw.where(empty, 0.0, lw.softmax(lw.where(empty, 0.0, scores), -1))
    out = weights.to(value.dtype) @ value
    asked = return_aux if return_aux is not None else AuxRequest(lse=return_lse)
    if return_aux is None and not return_lse:
        return out
    lse = lw.where(empty[..., 0], -math.inf, lw.logsumexp(lw.where(empty, 0.0, scores), -1)) if asked.lse else None
    if return_aux is None:
        return out, lse
    return out, AuxOutput(lse, scores.amax(-1) if asked.max_scores else None)
