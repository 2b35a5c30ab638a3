"""What Gaussian processes warn of."""

__all__ = ["GPInputWarning", "NumericalWarning"]


class GPInputWarning(UserWarning):
    """The input is not what the mode of the model suggests."""


class NumericalWarning(RuntimeWarning):
    """Rounding errors had to be made good."""
