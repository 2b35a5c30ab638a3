"""The catalogue of mistakes: every code with its title, cause, mend and examples; read only when an error is shown or a page is asked for.

LW1xx shapes, numbers and dtypes of tensors; LW2xx gradients, modules and optimizers; LW3xx arguments, data and files; LW4xx what lint
warns of; LW5xx what watch finds; LW6xx devices, compiling, exporting, distributed training and the rest of the package.
"""

import functools
import importlib

from ..entry import Entry

__all__ = ["entries", "entry", "find", "resolve"]

# Each of these modules has its entries in ENTRIES.
TABLES = (
    "lightwell.errors.catalogue.shapes",
    "lightwell.errors.catalogue.sizes",
    "lightwell.errors.catalogue.layers",
    "lightwell.errors.catalogue.values",
    "lightwell.errors.catalogue.dtypes",
    "lightwell.errors.catalogue.gradients",
    "lightwell.errors.catalogue.modules",
    "lightwell.errors.catalogue.types",
    "lightwell.errors.catalogue.arguments",
    "lightwell.errors.catalogue.python",
    "lightwell.errors.catalogue.data",
    "lightwell.errors.catalogue.files",
    "lightwell.errors.catalogue.systems",
    "lightwell.errors.catalogue.families",
)
WARNINGS = ("lightwell.explain.lint.codes", "lightwell.explain.watch.codes")  # nothing raises these: an error needn't wait for them


@functools.cache
def raised() -> dict[str, Entry]:
    """The entries of errors by their code."""
    return _read(TABLES)


@functools.cache
def entries() -> dict[str, Entry]:
    """All entries by their code, in order."""
    return _read(TABLES + WARNINGS)


def _read(tables) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for table in tables:
        for e in importlib.import_module(table).ENTRIES:
            if e.code in found:
                raise ValueError(f"the catalogue has two entries {e.code}")
            found[e.code] = e
    return dict(sorted(found.items()))


def entry(code: str) -> Entry | None:
    """The entry of a code, whatever its case; None where there is none."""
    return entries().get(code.strip().upper())


SURE = 9  # letters from which a piece of a message says more than the place that raised it


def resolve(message: str, module: str = "") -> Entry | None:
    """The entry of an error by a telling piece of its message, else by the module (such as "lightwell.nn.functional.loss") that raised
    it, else by a word of its message."""
    best, size = None, 0
    for e in raised().values():
        found = e.match(message)
        if found > size:
            best, size = e, found
    if size >= SURE or not module:
        return best
    place, long = module.removeprefix("lightwell.") + ".", 0
    for e in raised().values():
        for where in e.where:
            if place.startswith(where + ".") and len(where) > long:
                best, long = e, len(where)
    return best


def find(error: BaseException) -> Entry | None:
    """The entry of an exception: by its own word (`lesson_code`), by its message, else by the module at the end of its traceback."""
    own = getattr(error, "lesson_code", None)
    if own:
        return entry(own)
    tb, module = error.__traceback__, ""
    while tb is not None:
        name = tb.tb_frame.f_globals.get("__name__", "")
        if name.startswith("lightwell."):
            module = name
        tb = tb.tb_next
    return resolve(str(error), module)
