"""torch.utils.collect_env: what a report of a bug should say of the machine; `python -m torch.utils.collect_env` prints it."""

import platform
import sys
from typing import NamedTuple

__all__ = ["SystemEnv", "get_env_info", "get_pretty_env_info", "main"]

_PACKAGES = ("lightwell", "numpy", "ml_dtypes", "scipy", "llvmlite", "torch", "torchvision", "onnx", "onnxruntime", "safetensors")


class SystemEnv(NamedTuple):
    """The facts collected, by PyTorch's names; None for what a CPU build doesn't have."""

    torch_version: str
    is_debug_build: str
    cuda_compiled_version: str
    os: str
    libc_version: str
    python_version: str
    python_platform: str
    is_cuda_available: str
    cpu_info: str
    pip_version: str
    pip_packages: str


def _packages() -> str:
    from importlib import metadata

    lines = []
    for name in _PACKAGES:
        try:
            lines.append(f"{name}=={metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return "\n".join(lines)


def get_env_info() -> SystemEnv:
    """The version, the system, Python, the CPU, and the packages that matter.

    >>> import lightwell as torch
    >>> from lightwell.utils.collect_env import get_env_info
    >>> get_env_info().torch_version == torch.__version__
    True
    """
    import os

    import lightwell as lw

    bits = sys.maxsize.bit_length() + 1
    return SystemEnv(
        torch_version=str(lw.__version__),
        is_debug_build="False",
        cuda_compiled_version="None",
        os=f"{platform.system()} {platform.release()} ({platform.machine()})",
        libc_version="-".join(part for part in platform.libc_ver() if part) or "N/A",
        python_version=f"{' '.join(sys.version.split())} ({bits}-bit runtime)",
        python_platform=platform.platform(),
        is_cuda_available=str(lw.cuda.is_available()),
        cpu_info=f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, {lw.get_num_threads()} threads for operations",
        pip_version="pip3",
        pip_packages=_packages(),
    )


def get_pretty_env_info() -> str:
    """The same as text, to be pasted into a report."""
    e = get_env_info()
    packages = "\n".join(f"[{e.pip_version}] {line}" for line in e.pip_packages.splitlines()) or "No relevant packages"
    return (
        f"PyTorch version: {e.torch_version}\nIs debug build: {e.is_debug_build}\nCUDA used to build PyTorch: {e.cuda_compiled_version}\n\n"
        f"OS: {e.os}\nLibc version: {e.libc_version}\n\n"
        f"Python version: {e.python_version}\nPython platform: {e.python_platform}\nIs CUDA available: {e.is_cuda_available}\n\n"
        f"CPU:\n{e.cpu_info}\n\nVersions of relevant libraries:\n{packages}"
    )


def main() -> None:
    """Print it."""
    print("Collecting environment information...")
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
