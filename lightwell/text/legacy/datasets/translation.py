"""Translation: files of sentences, line by line, in two languages."""

import os

from lightwell.text._files import extract, fetch
from lightwell.text.datasets import multi30k
from lightwell.text.legacy import data

__all__ = ["Multi30k", "TranslationDataset"]


class TranslationDataset(data.Dataset):
    """The lines of path + exts[0] and path + exts[1] as columns src and trg; pairs with an empty one are left out."""

    @staticmethod
    def sort_key(ex):
        return data.interleave_keys(len(ex.src), len(ex.trg))

    def __init__(self, path, exts, fields, **kwargs):
        fields = [("src", fields[0]), ("trg", fields[1])] if not isinstance(fields[0], (tuple, list)) else list(fields)
        examples = []
        with (
            open(os.path.expanduser(path + exts[0]), encoding="utf-8") as src,
            open(os.path.expanduser(path + exts[1]), encoding="utf-8") as trg,
        ):
            for pair in zip(src, trg):
                if all(line.strip() for line in pair):
                    examples.append(data.Example.fromlist([line.strip() for line in pair], fields))
        super().__init__(examples, fields, **kwargs)

    @classmethod
    def splits(cls, exts, fields, path=None, root=".data", train="train", validation="val", test="test", **kwargs):
        """(train, validation, test)."""
        return super().splits(path, root, train, validation, test, exts=exts, fields=fields, **kwargs)


class Multi30k(TranslationDataset):
    """Descriptions of pictures, from train.de, val.de, test2016.de … in root/multi30k; downloaded where they aren't there."""

    name, dirname = "multi30k", ""

    @classmethod
    def splits(cls, exts, fields, root=".data", train="train", validation="val", test="test2016", **kwargs):
        """(train, validation, test)."""
        root = os.path.expanduser(os.fspath(root))
        for path in (os.path.join(root, cls.name), root):
            if os.path.exists(os.path.join(path, train + exts[0])):
                break
        else:
            path = os.path.join(root, cls.name)
            for split, url in multi30k.URL.items():
                extract(fetch(url, os.path.join(path, os.path.basename(url)), multi30k.MD5[split]), path)
        if not os.path.exists(os.path.join(path, test + exts[0])) and os.path.exists(os.path.join(path, "test" + exts[0])):
            test = "test"  # the archive's own name for test2016
        return super().splits(exts, fields, path, root, train, validation, test, **kwargs)
