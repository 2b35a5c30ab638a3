"""Older names at the front door: functions that PyTorch has removed, which say what to call; flags about the build; small leftovers."""

import os

from .errors.teaching import RuntimeError


def _removed(name: str, mend: str):
    def call(*args, **kwargs):
        raise RuntimeError(f"{name}(): this function was deprecated since version 1.9 and is now removed: {mend}")

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"RuntimeError: removed from PyTorch; {mend}."
    return call


eig = _removed("eig", "torch.linalg.eig gives complex values and vectors, torch.linalg.eigvals the values alone")
symeig = _removed("symeig", "torch.linalg.eigh(A, UPLO='U') gives values and vectors, torch.linalg.eigvalsh the values alone")
solve = _removed("solve", "torch.linalg.solve(A, B), with the arguments the other way round")
lstsq = _removed("lstsq", "torch.linalg.lstsq(A, B).solution, with the arguments the other way round")
matrix_rank = _removed("matrix_rank", "torch.linalg.matrix_rank")

has_lapack = has_spectral = True  # through NumPy
has_mkl = has_openmp = False


def is_vulkan_available() -> bool:
    """Whether Vulkan can be used: False in this build."""
    return False


def get_file_path(*path_components: str) -> str:
    """The path of a file of this package: its place under the folder that holds `torch`, whose name stands for the package's.

    >>> import lightwell as torch
    >>> torch.get_file_path("torch", "version.py").endswith("version.py")
    True
    """
    first, *rest = path_components or ("torch",)
    package = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(package if first == "torch" else os.path.join(os.path.dirname(package), first), *rest)


def fill(input, value):
    """A tensor like the input with one value everywhere; `value` is a number, or a tensor of no dimensions, which gets the gradient.

    >>> import lightwell as torch
    >>> torch.fill(torch.zeros(2), 3.0)
    tensor([3., 3.])
    """
    return input.clone().fill_(value)


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Turn anomaly mode on or off, as `torch.autograd.set_detect_anomaly` does.

    >>> import lightwell as torch
    >>> torch.set_anomaly_enabled(True); torch.is_anomaly_enabled()
    True
    >>> torch.set_anomaly_enabled(False)
    """
    from .autograd.anomaly import set_detect_anomaly

    set_detect_anomaly(mode, check_nan)
