"""einops (https://einops.rocks) knows our tensors: it asks the subclasses of its backend class, and here is one.

einops is not imported for that. Where it is there already, the backend is made at once; otherwise when it is imported.
"""

import importlib.machinery
import sys

_MODULE = "einops._backends"


def _make_backend(backends) -> None:
    """Define the backend, as a subclass of einops' own: defined is known."""
    if not hasattr(backends, "AbstractBackend"):
        return  # an einops of another build: it has its array_api module

    class LightwellBackend(backends.AbstractBackend):
        framework_name = "lightwell"

        def __init__(self):
            import lightwell

            self.lw = lightwell

        def is_appropriate_type(self, tensor):
            return isinstance(tensor, self.lw.Tensor)

        def from_numpy(self, x):
            return self.lw.from_numpy(x)

        def to_numpy(self, x):
            return x.detach().cpu().numpy()

        def arange(self, start, stop):
            return self.lw.arange(start, stop)

        def transpose(self, x, axes):
            return x.permute(axes)

        def reduce(self, x, operation, reduced_axes):
            axes = tuple(reduced_axes)
            if operation == "prod":
                for axis in sorted(axes, reverse=True):
                    x = x.prod(dim=axis)
                return x
            name = {"min": "amin", "max": "amax"}.get(operation, operation)
            return getattr(x, name)(dim=axes)

        def stack_on_zeroth_dimension(self, tensors: list):
            return self.lw.stack(tensors)

        def add_axis(self, x, new_position):
            return x.unsqueeze(new_position)

        def add_axes(self, x, n_axes, pos2len):
            sizes = [-1] * n_axes
            for position, length in pos2len.items():
                x = x.unsqueeze(position)
                sizes[position] = length
            return x.expand(sizes)

        def tile(self, x, repeats):
            return x.repeat(repeats)

        def concat(self, tensors, axis: int):
            return self.lw.cat(tensors, dim=axis)

        def is_float_type(self, x):
            return x.is_floating_point() or x.is_complex()

        def einsum(self, pattern, *x):
            return self.lw.einsum(pattern, *x)

    backends.LightwellBackend = LightwellBackend  # kept alive: the list of subclasses is weak


class _Watch:
    """Waits for einops to be imported, makes the backend, and goes."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != _MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            _make_backend(module)

        spec.loader.exec_module = exec_module
        return spec


if _MODULE in sys.modules:
    _make_backend(sys.modules[_MODULE])
else:
    sys.meta_path.insert(0, _Watch())
