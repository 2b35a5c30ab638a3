"""DeviceMesh: the ranks laid out as an n-dimensional array, with a process group for every line of it."""

import math

import numpy as np

from ..errors.teaching import RuntimeError, ValueError
from ..tensor import Tensor, wrap
from .process_group import (
    ProcessGroup,
    found,
    get_process_group_ranks,
    get_rank,
    get_world_size,
    init_process_group,
    is_initialized,
    new_group,
)

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """Ranks in an array: `mesh[name]` is the line (or plane) of this rank along the dimensions of that name.

    Every process makes the mesh, since its groups are made with it. ValueError for ranks that don't exist.

    >>> import lightwell.distributed as dist
    >>> dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    >>> mesh = dist.init_device_mesh("cpu", (1, 1), mesh_dim_names=("dp", "tp"))
    >>> mesh, mesh["tp"].size(), mesh.get_local_rank("dp")
    (DeviceMesh((dp=1, tp=1), 'cpu', stride=(1, 1)), 1, 0)
    >>> dist.destroy_process_group()
    """

    def __init__(
        self, device_type: str, mesh=None, *, mesh_dim_names=None, backend_override=None, _init_backend: bool = True, _groups=None
    ):
        self.device_type = str(device_type).split(":")[0]
        if mesh is None:
            mesh = np.arange(get_world_size())
        self._ranks = np.asarray(mesh._a if isinstance(mesh, Tensor) else mesh, np.int64)
        self.mesh_dim_names = tuple(mesh_dim_names) if mesh_dim_names else None
        self._root = self
        self._flattened: dict = {}
        if len(set(self._ranks.ravel().tolist())) != self._ranks.size:
            raise RuntimeError(f"DeviceMesh cannot have duplicate values, but found {self._ranks.tolist()}")
        if self.mesh_dim_names and len(self.mesh_dim_names) != self._ranks.ndim:
            raise RuntimeError(f"mesh has {self._ranks.ndim} dimensions, but {len(self.mesh_dim_names)} names: {self.mesh_dim_names}")
        if _init_backend and not is_initialized():
            init_process_group()
        where = np.argwhere(self._ranks == get_rank()) if is_initialized() else []
        self._coordinate = list(map(int, where[0])) if len(where) else None
        self._groups = _groups
        if _groups is None and _init_backend:
            world = get_world_size()
            if self._ranks.size > world or (self._ranks >= world).any():
                raise RuntimeError(f"Mesh should not be bigger than default world size {world}, but found {self._ranks.tolist()}")
            self._groups = [self._lines(d) for d in range(self._ranks.ndim)]

    def _lines(self, dim):
        """This rank's group along a dimension; all lines' groups are made, by all processes."""
        lines = np.moveaxis(self._ranks, dim, -1).reshape(-1, self._ranks.shape[dim])
        if len(lines) == 1 and lines[0].tolist() == get_process_group_ranks(None):
            return found(None)
        mine = None
        for line in lines.tolist():
            group = new_group(line, sort_ranks=False)
            if get_rank() in line:
                mine = group
        return mine

    # ---- what it is -----------------------------------------------------------------------------------------------

    @property
    def mesh(self) -> Tensor:
        """The ranks."""
        return wrap(self._ranks)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._ranks.ndim

    @property
    def shape(self) -> tuple:
        """The size of each dimension."""
        return self._ranks.shape

    def size(self, mesh_dim: int | None = None) -> int:
        """The number of ranks, or along one dimension."""
        return self._ranks.size if mesh_dim is None else self._ranks.shape[mesh_dim]

    def __repr__(self):
        sizes = [f"{n}={s}" for n, s in zip(self.mesh_dim_names, self.shape)] if self.mesh_dim_names else list(map(str, self.shape))
        inner = ", ".join(sizes) + ("," if self.ndim == 1 and not self.mesh_dim_names else "")
        return f"DeviceMesh(({inner}), '{self.device_type}', stride={tuple(math.prod(self.shape[d + 1 :]) for d in range(self.ndim))})"

    def __eq__(self, other):
        return self is other or (
            isinstance(other, DeviceMesh)
            and (self.device_type, self.mesh_dim_names) == (other.device_type, other.mesh_dim_names)
            and np.array_equal(self._ranks, other._ranks)
        )

    def __hash__(self):
        return hash((self.device_type, self.mesh_dim_names, self.shape, self._ranks.tobytes()))

    def _dim(self, mesh_dim) -> int:
        if mesh_dim is None:
            if self.ndim != 1:
                raise RuntimeError(
                    f"Found the DeviceMesh have {self.ndim} dimensions. Optional kwarg `mesh_dim` needs to be specified when device_mesh.ndim > 1."
                )
            return 0
        if isinstance(mesh_dim, str):
            if not self.mesh_dim_names or mesh_dim not in self.mesh_dim_names:
                raise KeyError(f"Mesh dimension '{mesh_dim}' does not exist: this mesh has {self.mesh_dim_names}")
            return self.mesh_dim_names.index(mesh_dim)
        return mesh_dim

    # ---- this rank's place ----------------------------------------------------------------------------------------

    def get_rank(self) -> int:
        """This process's global rank."""
        return get_rank()

    def get_coordinate(self) -> list | None:
        """This rank's indices in the mesh; None where it is not in it."""
        return self._coordinate

    def get_local_rank(self, mesh_dim=None) -> int:
        """This rank's index along a dimension (by number or name)."""
        dim = self._dim(mesh_dim)
        if self._coordinate is None:
            raise RuntimeError(f"rank {get_rank()} is not in {self}")
        return self._coordinate[dim]

    def get_group(self, mesh_dim=None) -> ProcessGroup:
        """The group of this rank's line along a dimension (by number or name)."""
        if self._groups is None:
            raise RuntimeError("DeviceMesh process groups not initialized!")
        return self._groups[self._dim(mesh_dim)]

    def get_all_groups(self) -> list:
        """The groups of this rank's lines."""
        return [self.get_group(d) for d in range(self.ndim)]

    def __getitem__(self, names) -> "DeviceMesh":
        names = (names,) if isinstance(names, str) else tuple(names)
        if len(names) == 1 and names[0] in self._flattened:
            return self._flattened[names[0]]
        if names == self.mesh_dim_names:
            return self
        if not self.mesh_dim_names:
            raise RuntimeError("Cannot slice a DeviceMesh without mesh_dim_names!")
        dims = []
        for name in names:
            if name not in self.mesh_dim_names:
                raise KeyError(f"Invalid mesh_dim_name {name}: valid names are {self.mesh_dim_names}")
            dims.append(self.mesh_dim_names.index(name))
        here = self._coordinate or [0] * self.ndim
        ranks = self._ranks[tuple(slice(None) if d in dims else here[d] for d in range(self.ndim))]
        ranks = ranks.transpose(np.argsort(np.argsort(dims))) if len(dims) > 1 else ranks
        groups = None if self._groups is None else [self._groups[d] for d in dims]
        part = DeviceMesh(self.device_type, ranks, mesh_dim_names=names, _init_backend=False, _groups=groups)
        part._root = self._root
        return part

    def _flatten(self, mesh_dim_name: str | None = None) -> "DeviceMesh":
        """The mesh's ranks in one dimension, which the root mesh then knows by that name; all processes call it."""
        name = mesh_dim_name or "_".join(self.mesh_dim_names or ())
        root = self._root
        if name not in root._flattened:
            dims = [root.mesh_dim_names.index(n) for n in self.mesh_dim_names]
            others = [d for d in range(root.ndim) if d not in dims]
            planes = root._ranks.transpose([*others, *dims]).reshape(-1, self._ranks.size)
            for plane in planes.tolist():
                group = new_group(plane, sort_ranks=False)
                if get_rank() in plane:
                    made = DeviceMesh(self.device_type, plane, mesh_dim_names=(name,), _init_backend=False, _groups=[group])
                    made._root = root
                    root._flattened[name] = made
        return root._flattened[name]

    @staticmethod
    def from_group(group, device_type: str, mesh=None, *, mesh_dim_names=None) -> "DeviceMesh":
        """A mesh around groups that exist: one group, or one for each dimension together with `mesh`."""
        groups = [group] if isinstance(group, ProcessGroup) else list(group)
        ranks = get_process_group_ranks(groups[0]) if mesh is None else mesh
        if mesh is None and len(groups) > 1:
            raise ValueError("Must pass mesh if passing multiple ProcessGroups")
        return DeviceMesh(device_type, ranks, mesh_dim_names=mesh_dim_names, _init_backend=False, _groups=groups)


def init_device_mesh(device_type: str, mesh_shape, *, mesh_dim_names=None, backend_override=None) -> DeviceMesh:
    """A mesh of all ranks in the order of their numbers (see DeviceMesh); joins the process group first where that hasn't happened.

    RuntimeError where the shape does not hold all ranks, or names are not as many as dimensions.
    """
    mesh_shape = (mesh_shape,) if isinstance(mesh_shape, int) else tuple(mesh_shape)
    if mesh_dim_names is not None:
        if len(set(mesh_dim_names)) != len(mesh_dim_names):
            raise RuntimeError(f"Each mesh_dim_name must be unique. Found repeated mesh_dim_name in mesh_dim_names {mesh_dim_names}")
        if len(mesh_shape) != len(mesh_dim_names):
            raise RuntimeError(
                f"mesh_shape and mesh_dim_names should have same length! Found len(mesh_dim_names): {len(mesh_dim_names)} and "
                f"len(mesh_shape):{len(mesh_shape)}."
            )
    if device_type and not device_type.isalpha():
        raise RuntimeError(f"Device type with index is not supported but got {device_type}: write 'cpu'")
    if not is_initialized():
        init_process_group()
    if -1 in mesh_shape:
        mesh_shape = tuple(np.arange(get_world_size()).reshape(mesh_shape).shape)
    return DeviceMesh(device_type, np.arange(math.prod(mesh_shape)).reshape(mesh_shape), mesh_dim_names=mesh_dim_names)
