"""pickle's own exceptions as teaching ones, for who reads and writes files."""

import pickle

from .teaching import Teaching, disguised

__all__ = ["PickleError", "PicklingError", "UnpicklingError"]


@disguised
class PickleError(Teaching, pickle.PickleError): ...


@disguised
class PicklingError(Teaching, pickle.PicklingError): ...


@disguised
class UnpicklingError(Teaching, pickle.UnpicklingError): ...
