"""torchinfo's `summary`, for scripts that import it: the same table as `lightwell.summary`, under torchinfo's arguments."""

from .summary import Summary
from .summary import summary as _summary

__all__ = ["ModelStatistics", "summary"]

ModelStatistics = Summary


def summary(
    model, input_size=None, input_data=None, batch_dim=None, cache_forward_pass=None, col_names=None, col_width=25, depth=3, device=None,
    dtypes=None, mode=None, row_settings=None, verbose=None, **kwargs,
):  # fmt: skip
    """The table of a model, printed unless `verbose=0` (or where a notebook shows it), and returned.

    `input_size` is a shape or a list of shapes, the batch included unless `batch_dim` says where to put it; `input_data` the
    inputs themselves (a tensor, a sequence of them, or a dict of keyword arguments). `mode` is "eval" unless "train".
    The settings of columns are accepted and change nothing. Without either input the model isn't run.

    >>> import lightwell as torch
    >>> from lightwell.explain.memory.torchinfo import summary
    >>> summary(torch.nn.Linear(3, 2), (5, 3), verbose=0).total_params
    8
    """
    import sys

    from ...tensor import Tensor

    args: tuple = ()
    if isinstance(input_data, dict):
        kwargs = {**kwargs, **input_data}
    elif isinstance(input_data, Tensor) or (input_data is not None and not isinstance(input_data, (list, tuple))):
        args = (input_data,)
    elif input_data is not None:
        args = tuple(input_data)
    modes = [(m, m.training) for m in model.modules()]
    chosen = str(getattr(mode, "value", mode) or "eval")
    if chosen not in ("same",):
        model.train(chosen == "train")
    try:
        found = _summary(model, *args, input_size=input_size, dtypes=dtypes, depth=depth, batch_dim=batch_dim, **kwargs)
    finally:
        for module, training in modes:
            module.__dict__["training"] = training
    if verbose is None:
        verbose = 0 if hasattr(sys, "ps1") and "ipykernel" in sys.modules else 1
    if verbose:
        print(found)
    return found
