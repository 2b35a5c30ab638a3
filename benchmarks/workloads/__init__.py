"""The training steps that the suite times, each written once against a module `torch`: PyTorch, or lightwell in its place.

A file has one function, `build(torch, ...sizes)`, which returns a Training: seeded, so that both libraries start from the same
numbers. ROWS names the suite's rows: which file, which sizes, and sizes small enough for a test.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple


class Training(NamedTuple):
    """A model and the function `step(x, y)` that trains it by one batch and returns the loss."""

    net: Any
    step: Callable
    x: Any
    y: Any


class Row(NamedTuple):
    """One row of the suite: a file of this folder, its arguments, and arguments for a quick look."""

    title: str
    file: str
    sizes: dict
    tiny: dict
    random: bool = False  # whether the step draws random numbers (dropout)


_small_recurrent = {"steps": 4, "batch": 2, "hidden": 8}
ROWS = {
    "mlp256": Row("MLP 784-256-10, batch 256, SGD", "mlp", {"batch": 256}, {"batch": 4, "hidden": 16}),
    "mlp16": Row("MLP 784-256-10, batch 16, SGD", "mlp", {"batch": 16}, {"batch": 3, "hidden": 16}),
    "lenet256": Row("LeNet, batch 256, SGD", "lenet", {"batch": 256}, {"batch": 3}),
    "lenet16": Row("LeNet, batch 16, SGD", "lenet", {"batch": 16}, {"batch": 2}),
    "resnet18": Row("ResNet-18, 32×1×96×96, SGD", "resnet18", {"batch": 32, "side": 96}, {"batch": 2, "side": 33, "width": 4}),
    "gpt": Row(
        "GPT 4×128, 12×64 tokens, AdamW", "gpt", {"batch": 12, "length": 64}, {"batch": 2, "length": 5, "layers": 2, "width": 16}
    ),
    "rnn": Row("RNN 256, 35×32, SGD", "recurrent", {"kind": "RNN"}, {"kind": "RNN", **_small_recurrent}),
    "gru": Row("GRU 256, 35×32, SGD", "recurrent", {"kind": "GRU"}, {"kind": "GRU", **_small_recurrent}),
    "lstm": Row("LSTM 256, 35×32, SGD", "recurrent", {"kind": "LSTM"}, {"kind": "LSTM", **_small_recurrent}),
    "encoder": Row(
        "Transformer encoder 2×128, 32×64 tokens, Adam",
        "encoder",
        {"batch": 32, "length": 64},
        {"batch": 2, "length": 5, "width": 16, "vocabulary": 20},
        random=True,
    ),
    "dcgan": Row("DCGAN 32×3×32×32, Adam", "dcgan", {"batch": 32}, {"batch": 2, "width": 4, "noise": 5}),
    "recommender": Row(
        "Recommender, 2 embeddings 50k×32, batch 512, Adam", "recommender", {"batch": 512, "entries": 50_000}, {"batch": 6, "entries": 9}
    ),
}  # fmt: skip


def build(torch: Any, row: str, tiny: bool = False, quiet: bool = False) -> Training:
    """The training of a row; `tiny` for a test's sizes, `quiet` without dropout."""
    chosen = ROWS[row]
    sizes = dict(chosen.tiny if tiny else chosen.sizes)
    if quiet and chosen.random:
        sizes["dropout"] = 0.0
    return importlib.import_module(f"{__name__}.{chosen.file}").build(torch, **sizes)
