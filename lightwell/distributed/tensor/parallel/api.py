"""`parallelize_module`: a plan of styles, carried out."""

import warnings
from fnmatch import fnmatch

from ....errors.teaching import RuntimeError, TypeError
from ...device_mesh import init_device_mesh
from .style import ParallelStyle

__all__ = ["parallelize_module"]


def parallelize_module(module, device_mesh=None, parallelize_plan=None, *, src_data_rank: int | None = 0):
    """Lay a module on a one-dimensional mesh by a style, or its submodules by a dict from their names (with `*` for any) to styles.

    RuntimeError for a mesh of more dimensions; a warning for names that no submodule has.
    """
    mesh = device_mesh if device_mesh is not None else init_device_mesh("cpu", (-1,))
    if mesh.ndim != 1:
        raise RuntimeError(f"parallelize_module: the mesh must have one dimension, not {mesh.ndim}: slice it by name, as in mesh['tp']")
    if parallelize_plan is None:
        warnings.warn(
            "No parallelize_plan is provided and auto-parallel is not supported at the moment, so this parallelize_module call will do nothing."
        )
        return module
    if isinstance(parallelize_plan, ParallelStyle):
        parallelize_plan.src_data_rank = src_data_rank
        return parallelize_plan._apply(module, mesh)
    if not isinstance(parallelize_plan, dict):
        raise TypeError(f"Expect Union[ParallelStyle, Dict[str, ParallelStyle]] for parallelize_plan, {type(parallelize_plan)} found!")
    for path, style in parallelize_plan.items():
        if not path:
            parallelize_module(module, mesh, style, src_data_rank=src_data_rank)
            continue
        pattern = path.split(".")
        found = [m for name, m in module.named_modules() if _matches(name.split("."), pattern)]
        if not found:
            warnings.warn(f"Parallelize plan key '{path}' could not be resolved: no submodule has that name")
        for part in found:
            parallelize_module(part, mesh, style, src_data_rank=src_data_rank)
    return module


def _matches(name, pattern) -> bool:
    return len(name) == len(pattern) and all(fnmatch(a, b) for a, b in zip(name, pattern))
