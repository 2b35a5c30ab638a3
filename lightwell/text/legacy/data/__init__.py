"""Fields, examples, datasets and iterators."""

from lightwell.text.data.utils import get_tokenizer, interleave_keys
from lightwell.text.legacy.data.dataset import Dataset, TabularDataset
from lightwell.text.legacy.data.example import Example
from lightwell.text.legacy.data.field import Field, LabelField, RawField
from lightwell.text.legacy.data.iterator import Batch, BPTTIterator, BucketIterator, Iterator, batch, pool

__all__ = [
    "BPTTIterator", "Batch", "BucketIterator", "Dataset", "Example", "Field", "Iterator", "LabelField", "RawField", "TabularDataset",
    "batch", "get_tokenizer", "interleave_keys", "pool",
]  # fmt: skip
