"""Collectives with gradients (`functional`), and `RemoteModule`."""

from ...errors.teaching import AttributeError
from .functional import *


def __getattr__(name: str):
    if name == "RemoteModule":
        from .api.remote_module import RemoteModule

        return RemoteModule
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
