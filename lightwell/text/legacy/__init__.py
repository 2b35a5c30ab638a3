"""torchtext's API up to 0.8: fields, examples, datasets of examples, and iterators over batches."""

from lightwell.text import vocab
from lightwell.text.legacy import data, datasets

__all__ = ["data", "datasets", "vocab"]
