"""Examples: one row of a dataset, with an attribute for each column."""

import csv
import json

from lightwell.errors.teaching import ValueError

__all__ = ["Example"]


class Example:
    """A row.

    >>> from lightwell.text.legacy import data
    >>> data.Example.fromlist(["a b", "1"], [("text", data.Field()), ("label", None)]).text
    ['a', 'b']
    """

    @classmethod
    def fromlist(cls, values, fields):
        """From values in the order of `fields`, (name, field) pairs; a field of None leaves a column out."""
        example = cls()
        for (name, field), value in zip(fields, values):
            if field is not None:
                value = value.rstrip("\n") if isinstance(value, str) else value
                pairs = zip(name, field) if isinstance(name, tuple) else [(name, field)]
                for n, f in pairs:
                    setattr(example, n, f.preprocess(value))
        return example

    @classmethod
    def fromdict(cls, values, fields):
        """From a dict: `fields` has for each key a (name, field) pair, or a list of them; "a.b" reaches into nested dicts.

        ValueError for a key that isn't there.
        """
        example = cls()
        for key, targets in fields.items():
            value = values
            for part in key.split("."):
                if not isinstance(value, dict) or part not in value:
                    raise ValueError(f"Specified key {key} was not found in the input data")
                value = value[part]
            for name, field in targets if isinstance(targets, list) else [targets]:
                setattr(example, name, field.preprocess(value))
        return example

    @classmethod
    def fromJSON(cls, line, fields):
        """From a line of JSON."""
        return cls.fromdict(json.loads(line), fields)

    @classmethod
    def fromCSV(cls, row, fields, field_to_index=None):
        """From a list of cells, or a line of comma-separated ones, in the order of `fields` or by `field_to_index`."""
        cells = next(csv.reader([row])) if isinstance(row, str) else row
        if field_to_index is None:
            return cls.fromlist(cells, fields)
        return cls.fromdict({name: cells[i] for name, i in field_to_index.items()}, fields)
