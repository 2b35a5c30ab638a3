"""The catalogue of silent mistakes, LW401 to LW443: `ENTRIES` in order, `BY_CODE` by code."""

from . import data, evaluation, losses, parameters, training

ENTRIES = [*losses.ENTRIES, *training.ENTRIES, *parameters.ENTRIES, *evaluation.ENTRIES, *data.ENTRIES]
BY_CODE = {entry.code: entry for entry in ENTRIES}
