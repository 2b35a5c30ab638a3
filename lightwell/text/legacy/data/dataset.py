"""Datasets of examples."""

import csv
import os
import random

from lightwell.errors.teaching import AttributeError, ValueError
from lightwell.text._files import extract, fetch
from lightwell.text.data.utils import RandomShuffler
from lightwell.text.legacy.data.example import Example
from lightwell.utils.data import Dataset as _Dataset

__all__ = ["Dataset", "TabularDataset"]


class Dataset(_Dataset):
    """Examples and the fields of their columns; `dataset.text` iterates over the column "text".

    `filter_pred` leaves out the examples for which it is false. A subclass's `sort_key` says which are alike in length.
    """

    sort_key = None
    urls: list = []
    name, dirname = "", ""

    def __init__(self, examples, fields, filter_pred=None):
        self.examples = list(examples) if filter_pred is None else [e for e in examples if filter_pred(e)]
        self.fields = {}
        for name, field in dict(fields).items():
            self.fields.update(zip(name, field) if isinstance(name, tuple) else [(name, field)])

    def __getitem__(self, i):
        return self.examples[i]

    def __len__(self):
        return len(self.examples)

    def __iter__(self):
        return iter(self.examples)

    def __getattr__(self, name):
        if name != "fields" and name in self.fields:
            return (getattr(example, name) for example in self.examples)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @classmethod
    def splits(cls, path=None, root=".data", train=None, validation=None, test=None, **kwargs):
        """Datasets of the files given for train, validation and test, in `path` or what `download(root)` gives."""
        path = cls.download(root) if path is None else path
        return tuple(cls(os.path.join(path, name), **kwargs) for name in (train, validation, test) if name is not None)

    def split(self, split_ratio=0.7, stratified=False, strata_field="label", random_state=None):
        """Parts at random: `split_ratio` is the first's share, or the shares of train, (test and) validation.

        Returns (train, test), or (train, validation, test) for three shares (given as train, test, validation).
        `stratified` keeps the proportions of the labels in `strata_field`. ValueError for shares that make no sense.
        """
        shares = [split_ratio, 1 - split_ratio] if isinstance(split_ratio, float) else [r / sum(split_ratio) for r in split_ratio]
        if len(shares) not in (2, 3) or not all(0 < r < 1 for r in shares):
            raise ValueError(f"Dataset.split: split_ratio must be a share between 0 and 1, or two or three of them, got {split_ratio}")
        groups = [self.examples]
        if stratified:
            if strata_field not in self.fields:
                raise ValueError(f"Invalid field name for strata_field {strata_field}: there are {sorted(self.fields)}")
            by: dict = {}
            for example in self.examples:
                by.setdefault(getattr(example, strata_field), []).append(example)
            groups = list(by.values())
        shuffler, parts = RandomShuffler(random_state), [[], [], []]
        for group in groups:
            order, n = shuffler(group), len(group)
            cut = round(n * shares[0])
            second = cut + round(n * shares[1]) if len(shares) == 3 else n
            for part, piece in zip(parts, (order[:cut], order[cut:second], order[second:])):
                part += piece
        if random_state is None:
            random.setstate(shuffler.random_state)
        train, test, validation = (self._like(part) for part in parts)
        return (train, validation, test) if len(shares) == 3 else (train, test)

    def _like(self, examples):
        new = Dataset(examples, self.fields)
        new.sort_key = self.sort_key
        return new

    @classmethod
    def download(cls, root, check=None):
        """The folder root/name/dirname with the dataset's files, fetched and unpacked where it isn't there (or in root/dirname)."""
        root = os.path.expanduser(os.fspath(root))
        for folder in (os.path.join(root, cls.name, cls.dirname), os.path.join(root, cls.dirname)):
            if os.path.isdir(folder) and (check is None or os.path.exists(os.path.join(folder, check))):
                return folder
        base = os.path.join(root, cls.name)
        for url in cls.urls:
            archive = fetch(url, os.path.join(base, os.path.basename(url)))
            if archive.endswith((".zip", ".tar", ".gz", ".tgz")):
                extract(archive, base)
        return os.path.join(base, cls.dirname)

    def filter_examples(self, field_names):
        """Keep of the sequences in these columns only the tokens in their vocabularies."""
        for example in self.examples:
            for name in field_names:
                known = self.fields[name].vocab.stoi
                setattr(example, name, [token for token in getattr(example, name) if token in known])


class TabularDataset(Dataset):
    """A file of CSV, TSV or lines of JSON. `fields`: a list of (name, field) for the columns in order (CSV, TSV), or a dict from
    the column's name to (name, field); a field of None leaves a column out. ValueError for JSON with a list.
    """

    def __init__(self, path, format, fields, skip_header=False, csv_reader_params=None, **kwargs):
        format = format.lower()
        if format not in ("csv", "tsv", "json"):
            raise ValueError(f"TabularDataset: format must be 'csv', 'tsv' or 'json', got {format!r}")
        if format == "json" and not isinstance(fields, dict):
            raise ValueError("TabularDataset: JSON needs a dict from keys to (name, field)")
        with open(os.path.expanduser(os.fspath(path)), encoding="utf8", newline="") as file:
            if format == "json":
                examples = [Example.fromJSON(line, fields) for line in file if line.strip()]
            else:
                reader = csv.reader(file, **{"delimiter": "," if format == "csv" else "\t", **(csv_reader_params or {})})
                columns = None
                if isinstance(fields, dict):
                    if skip_header:
                        raise ValueError(
                            f"When using a dict to specify fields with a {format} file, skip_header must be False and the file must have a header."
                        )
                    header = next(reader)
                    columns = {name: header.index(name) for name in fields}
                elif skip_header:
                    next(reader)
                examples = [Example.fromCSV(row, fields, columns) for row in reader]
        if isinstance(fields, dict):
            pairs = [pair for target in fields.values() for pair in (target if isinstance(target, list) else [target])]
        else:
            pairs = [pair for pair in fields if pair[1] is not None]
        super().__init__(examples, pairs, **kwargs)
