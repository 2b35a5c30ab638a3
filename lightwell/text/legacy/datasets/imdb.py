"""IMDB's reviews as examples."""

from lightwell.text.datasets import imdb
from lightwell.text.legacy import data

__all__ = ["IMDB"]


class IMDB(data.Dataset):
    """Reviews (column text) with label "pos" or "neg", of one split in the folder `path` (aclImdb)."""

    @staticmethod
    def sort_key(ex):
        return len(ex.text)

    def __init__(self, path, text_field, label_field, split="train", **kwargs):
        fields = [("text", text_field), ("label", label_field)]
        rows = ((text, label) for label in ("pos", "neg") for text in imdb.reviews(path, split, label))
        super().__init__([data.Example.fromlist(row, fields) for row in rows], fields, **kwargs)

    @classmethod
    def splits(cls, text_field, label_field, root=".data", train="train", test="test", **kwargs):
        """(train, test), below `root` or downloaded."""
        folder = imdb.reviews_folder(root)
        return tuple(cls(folder, text_field, label_field, split, **kwargs) for split in (train, test) if split is not None)

    @classmethod
    def iters(cls, batch_size=32, device=None, root=".data", vectors=None, **kwargs):
        """Iterators over train and test, with fields and vocabularies."""
        text, label = data.Field(), data.Field(sequential=False)
        train, test = cls.splits(text, label, root=root, **kwargs)
        text.build_vocab(train, vectors=vectors)
        label.build_vocab(train)
        return data.BucketIterator.splits((train, test), batch_size=batch_size, device=device)
