"""Sequences of different lengths in one tensor: padded, or packed step by step."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from itertools import pairwise

from ...errors.teaching import AssertionError, RuntimeError, ValueError
from ...tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class PackedSequence(namedtuple("PackedSequence", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])):
    """Rows of all sequences, step by step: `data` (ΣN_t, *), `batch_sizes` N_t of each step, and the order they are in.

    Made by `pack_padded_sequence` and `pack_sequence`.
    """

    __slots__ = ()

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("PackedSequence: without batch_sizes, data must be a pair (data, batch_sizes)")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args, **kwargs) -> PackedSequence:
        """The same sequences with `data` moved or converted."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        moved = [None if t is None else t.to(data.device) for t in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *moved)

    def cpu(self) -> PackedSequence:
        """On the CPU."""
        return self.to("cpu")

    def cuda(self, *args, **kwargs) -> PackedSequence:
        """On a GPU."""
        return self.to(*(args or ("cuda",)), **kwargs)

    def pin_memory(self) -> PackedSequence:
        """In page-locked memory."""
        pinned = [None if t is None else t.pin_memory() for t in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(self.data.pin_memory(), self.batch_sizes, *pinned)

    @property
    def is_cuda(self) -> bool:
        """Whether `data` is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether `data` is page-locked."""
        return self.data.is_pinned()


def _converter(name: str):
    def convert(self):
        import lightwell as lw

        return self.to(dtype=getattr(lw, name))

    convert.__name__, convert.__doc__ = name, f"`data` as {name}."
    return convert


for _method, _dtype in {
    "double": "float64", "float": "float32", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
    "char": "int8", "byte": "uint8",
}.items():  # fmt: skip
    setattr(PackedSequence, _method, _converter(_dtype))


def invert_permutation(permutation):
    """The permutation that undoes `permutation` (None for None).

    >>> import lightwell as torch
    >>> torch.nn.utils.rnn.invert_permutation(torch.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    import lightwell as lw

    out = lw.empty_like(permutation)
    out.scatter_(0, permutation, lw.arange(permutation.numel()))
    return out


def pack_padded_sequence(input, lengths, batch_first: bool = False, enforce_sorted: bool = True) -> PackedSequence:
    """Pack (T, N, *), or (N, T, *) if batch_first, leaving out what lies behind each sequence's length.

    Unless `enforce_sorted`, the sequences are sorted by length first. Raises RuntimeError when lengths are unsorted,
    not positive, or of another number than the sequences.

    >>> import lightwell as torch
    >>> x = torch.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
    >>> p = torch.nn.utils.rnn.pack_padded_sequence(x, [2, 1, 3], batch_first=True, enforce_sorted=False)
    >>> p.data, p.batch_sizes
    (tensor([4, 1, 3, 5, 2, 6]), tensor([3, 2, 1]))
    """
    import lightwell as lw

    if isinstance(lengths, Tensor):
        if lengths.device.type != "cpu":
            raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got one on {lengths.device}")
        lengths = lengths.to(dtype=lw.int64)
    else:
        lengths = lw.as_tensor(lengths, dtype=lw.int64)
    order = None
    if not enforce_sorted:
        lengths, order = lw.sort(lengths, descending=True)
        input = input.index_select(0 if batch_first else 1, order)
    sizes = lengths.tolist()
    x = input.transpose(0, 1) if batch_first else input
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(sizes) != x.shape[1]:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={x.shape[1]})")
    if min(sizes) <= 0:
        raise RuntimeError(f"Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0: {min(sizes)}")
    if any(a < b for a, b in pairwise(sizes)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement."
        )
    if sizes[0] > x.shape[0]:
        raise RuntimeError(f"pack_padded_sequence: length {sizes[0]} exceeds the padded length {x.shape[0]}")
    # Sorted lengths: the sequences still running at step t are the first N_t, so runs of equal N_t are blocks.
    steps, at, running = [], 0, len(sizes)
    counts: list[int] = []
    for length in reversed(sizes):
        if length > at:
            block = x[at:length, :running]
            steps.append(block.reshape(-1, *block.shape[2:]))
            counts += [running] * (length - at)
            at = length
        running -= 1
    return PackedSequence(lw.cat(steps), lw.tensor(counts), order, None)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple:
    """The padded tensor (T, N, *), or (N, T, *) if batch_first, and the lengths, in the order before packing.

    Raises ValueError when `total_length` is below the longest length.

    >>> import lightwell as torch
    >>> from lightwell.nn.utils.rnn import pack_sequence, pad_packed_sequence
    >>> pad_packed_sequence(pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]), batch_first=True)
    (tensor([[1, 2],
            [3, 0]]), tensor([2, 1]))
    """
    import lightwell as lw

    data, sizes = sequence.data, sequence.batch_sizes.tolist()
    longest, n = len(sizes), sizes[0]
    if total_length is not None:
        if total_length < longest:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {longest}"
            )
        longest = total_length
    lengths = [0] * n
    for size in sizes:
        for i in range(size):
            lengths[i] += 1
    # Row t·N + i of the flat padded tensor is row (start of step t) + i of the data.
    where = [t * n + i for t, size in enumerate(sizes) for i in range(size)]
    out = lw.full((longest * n, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)
    out = out.index_copy(0, lw.tensor(where), data).reshape(longest, n, *data.shape[1:])
    if batch_first:
        out = out.transpose(0, 1)
    lengths = lw.tensor(lengths)
    back = sequence.unsorted_indices
    if back is not None:
        return out.index_select(0 if batch_first else 1, back), lengths[back]
    return out, lengths


def pad_sequence(sequences, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"):
    """Tensors (L_i, *) in one of shape (max L, N, *), or (N, max L, *) if batch_first, filled up with `padding_value`.

    Raises RuntimeError for no sequences or a `padding_side` but "left" or "right".

    >>> import lightwell as torch
    >>> torch.nn.utils.rnn.pad_sequence([torch.ones(2), torch.ones(1)], batch_first=True)
    tensor([[1., 1.],
            [1., 0.]])
    """
    import lightwell as lw

    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    sequences = list(sequences)
    if not sequences:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"pad_sequence: padding_side must be 'left' or 'right', got {padding_side!r}")
    longest = max(s.shape[0] for s in sequences)
    rows = []
    for s in sequences:
        gap = longest - s.shape[0]
        if gap:
            fill = lw.full((gap, *s.shape[1:]), padding_value, dtype=s.dtype, device=s.device)
            s = lw.cat([fill, s] if padding_side == "left" else [s, fill])
        rows.append(s)
    return lw.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences, lengths, batch_first: bool = False) -> list:
    """The sequences of a padded tensor, each cut to its length.

    >>> import lightwell as torch
    >>> torch.nn.utils.rnn.unpad_sequence(torch.tensor([[1, 3], [2, 0]]), torch.tensor([2, 1]))
    [tensor([1, 2]), tensor([3])]
    """
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    lengths = lengths.tolist() if isinstance(lengths, Tensor) else lengths
    return [x[i, : int(n)] for i, n in enumerate(lengths)]


def pack_sequence(sequences, enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors (L_i, *) of different lengths; see `pack_padded_sequence`.

    >>> import lightwell as torch
    >>> torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]).data
    tensor([1, 3, 2])
    """
    sequences = list(sequences)
    lengths = [s.size(0) for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list:
    """The tensors that `pack_sequence` packed.

    >>> import lightwell as torch
    >>> packed = torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])])
    >>> torch.nn.utils.rnn.unpack_sequence(packed)
    [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
