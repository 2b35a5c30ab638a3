"""torchsummary's `summary`, for scripts that import it: the same table as `lightwell.summary`, printed."""

from .summary import summary as _summary

__all__ = ["summary"]


def summary(model, input_size, batch_size=-1, device="cpu", dtypes=None):
    """Print the table of a model for inputs of `input_size` (a shape without the batch, or a list of them); returns it.

    The model runs on `batch_size` examples, 2 where that is -1.

    >>> import lightwell as torch
    >>> from lightwell.explain.memory.torchsummary import summary
    >>> table = summary(torch.nn.Linear(3, 2), (3,))
    module  output  parameters  multiply–adds  kept for backward
    ...
    """
    shapes = [tuple(input_size)] if all(isinstance(n, int) for n in input_size) else [tuple(s) for s in input_size]
    batch = 2 if batch_size == -1 else batch_size
    found = _summary(model, input_size=[(batch, *s) for s in shapes], dtypes=dtypes)
    print(found)
    return found
