"""Device meshes, DTensor, tensor parallelism: on two processes, against plain tensors."""

import pytest
from ranks import run

import lightwell.distributed as dist


def test_layouts_against_plain_tensors():
    lines = run("tensors.py", 2).lines
    assert lines == [f"DeviceMesh((dp=1, tp=2), 'cpu', stride=(2, 1)) (Shard(dim=0),) {r}" for r in range(2)]


def test_meshes_refuse():
    dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    try:
        with pytest.raises(RuntimeError, match="same length"):
            dist.init_device_mesh("cpu", (1,), mesh_dim_names=("a", "b"))
        with pytest.raises(RuntimeError, match="unique"):
            dist.init_device_mesh("cpu", (1, 1), mesh_dim_names=("a", "a"))
        with pytest.raises(RuntimeError, match="bigger than default world size"):
            dist.init_device_mesh("cpu", (2,))
        mesh = dist.init_device_mesh("cpu", (1, 1), mesh_dim_names=("a", "b"))
        with pytest.raises(KeyError, match="Invalid mesh_dim_name c"):
            mesh["c"]
        with pytest.raises(RuntimeError, match="mesh_dim"):
            mesh.get_group()
    finally:
        dist.destroy_process_group()


def test_old_paths():
    from lightwell.distributed._tensor import Replicate, Shard
    from lightwell.distributed._tensor.device_mesh import init_device_mesh

    assert init_device_mesh is dist.init_device_mesh and Shard(1).is_shard(1) and Replicate().is_replicate()
