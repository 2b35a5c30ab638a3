"""The older path of `torch.distributed.tensor`."""

from ..tensor import *
from ..tensor import DeviceMesh, DTensor, Partial, Replicate, Shard, init_device_mesh
from ..tensor import placement_types as placement_types
from . import device_mesh
