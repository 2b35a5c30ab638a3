"""The table of pretrained weights: where they lie, how they were tested, which names their outputs have."""

import functools
from dataclasses import dataclass
from pathlib import Path

URL = "https://download.pytorch.org/models/"
_DATA = Path(__file__).parent.parent / "data"


@dataclass
class Row:
    """One file of weights."""

    member: str
    default: bool
    url: str
    transforms: object
    meta: dict


@functools.cache
def _table() -> dict[str, list[list[str]]]:
    """The lines of the table by their enumeration."""
    table: dict[str, list[list[str]]] = {}
    for line in (_DATA / "weights.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            cells = line.split("\t")
            table.setdefault(cells[1], []).append(cells)
    return table


@functools.cache
def categories(kind: str) -> list[str]:
    """The names of the classes of 'imagenet', 'coco' or 'voc', or those given with commas between them."""
    if "," in kind:
        return kind.split(",")
    return (_DATA / f"{kind}_categories.txt").read_text(encoding="utf-8").splitlines()


def _number(text):
    """An int where it is one, else a float."""
    return float(text) if "." in text else int(text)


def rows(enum_name: str) -> list[Row]:
    """The weights of one enumeration, in the table's order."""
    found = []
    for _, _, member, file, params, smallest, kind, options, names, metrics, cost in _table()[enum_name]:
        meta = {"num_params": int(params)}
        if smallest != "-":
            meta["min_size"] = tuple(int(n) for n in smallest.split("x"))
        if names != "-":
            meta["categories"] = categories(names)
        if metrics != "-":
            data, _, values = metrics.partition(": ")
            meta["_metrics"] = {data: {k: float(v) for k, v in (pair.split("=") for pair in values.split())}}
        meta.update((k, float(v)) for k, v in (pair.split("=") for pair in cost.split()))
        found.append(Row(member.rstrip("*"), member.endswith("*"), URL + file, _transform(kind, options), meta))
    return found


def _transform(kind, options):
    """The preset transform of the weights, made when called."""
    from lightwell.vision.transforms import _presets
    from lightwell.vision.transforms.functional import InterpolationMode

    if kind == "objects":
        return _presets.ObjectDetection
    preset = _presets.ImageClassification if kind == "classes" else _presets.SemanticSegmentation
    given = {}
    for pair in options.split() if options != "-" else ():
        key, value = pair.split("=")
        if key == "interpolation":
            given[key] = InterpolationMode(value)
        elif key in ("mean", "std"):
            given[key] = tuple(float(v) for v in value.split(",")) * (1 if "," in value else 3)
        else:
            given[key] = _number(value)
    return functools.partial(preset, **given)
