"""python -m lightwell.distributed.run: what processes find, how failures are told, restarts, several machines."""

import os
import re
import socket
import subprocess
import sys

import pytest
from ranks import ROOT, run

from lightwell.distributed import run as torchrun

SHOW = "import os, torch; e = os.environ; print(*[e[k] for k in 'RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE GROUP_RANK TORCHELASTIC_RUN_ID'.split()], torch.distributed.is_torchelastic_launched())"


def test_environment_and_arguments(tmp_path):
    script = tmp_path / "show.py"
    script.write_text(SHOW + "; import sys; print(sys.argv[1:])")
    done = run("x", 2, options=("--rdzv-id", "abc"), ok=False)  # code that fails: NameError, told with the rank
    assert done.returncode == 1 and "NameError" in done.stderr and re.search(r"rank      : [01]\b", done.stderr)
    here = dict(os.environ, PYTHONPATH=str(ROOT))
    command = [sys.executable, "-m", "lightwell", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--rdzv_id=abc"]
    out = subprocess.run([*command, str(script), "--a", "b"], capture_output=True, text=True, env=here, timeout=60)
    lines = sorted(out.stdout.splitlines())
    assert lines == ["0 0 2 2 0 abc True", "1 1 2 2 0 abc True", "['--a', 'b']", "['--a', 'b']"], out.stderr


def test_restart_and_recorded_error(tmp_path):
    script = tmp_path / "fails.py"
    script.write_text(
        "import os, torch.distributed as dist\n"
        "from torch.distributed.elastic.multiprocessing.errors import record\n"
        "@record\n"
        "def main():\n"
        "    dist.init_process_group()\n"
        "    dist.barrier()\n"
        "    if dist.get_rank() == 1 and os.environ['TORCHELASTIC_RESTART_COUNT'] < os.environ['FAILS']: raise ValueError('boom')\n"
        "    dist.barrier(); dist.destroy_process_group(); print('well\\n', end='', flush=True)\n"
        "main()\n"
    )
    done = run(str(script), 2, options=("--max-restarts=1",), env={"FAILS": "1"})
    assert done.lines == ["well", "well"] and "starting anew (1 of 1)" in done.stderr
    done = run(str(script), 2, env={"FAILS": "9"}, ok=False)
    assert done.returncode == 1 and "ValueError: boom" in done.stderr.split("FAILED")[1]


def test_two_machines_meet():
    with socket.create_server(("localhost", 0)) as probe:
        port = probe.getsockname()[1]
    code = SHOW + "; import torch.distributed as d; d.init_process_group(); d.barrier(); d.destroy_process_group()"
    here = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1")
    command = [sys.executable, "-m", "lightwell.distributed.run", "--nnodes=2", "--rdzv_backend=c10d", f"--rdzv_endpoint=localhost:{port}"]
    tail = ["--rdzv_id=q", "--no_python", sys.executable, "-m", "lightwell", "-c", code]
    agents = [subprocess.Popen([*command, "--nproc_per_node=1", *tail], stdout=subprocess.PIPE, text=True, env=here) for _ in range(2)]
    out = sorted(line for agent in agents for line in agent.communicate(timeout=60)[0].splitlines())
    assert out == ["0 0 2 1 0 q True", "1 0 2 1 1 q True"] and [a.returncode for a in agents] == [0, 0]


def test_options():
    args = torchrun.parse_args(["--nproc-per-node=3", "--nnodes=1:2", "-m", "--tee", "3", "pkg.mod", "--x", "-m"])
    assert (args.nproc_per_node, args.module, args.training_script, args.training_script_args) == ("3", True, "pkg.mod", ["--x", "-m"])
    config, command = torchrun.config_from_args(args)
    assert (config.min_nodes, config.max_nodes, config.nproc_per_node) == (1, 2, 3)
    assert command[-5:] == ["lightwell", "-m", "pkg.mod", "--x", "-m"]
    with pytest.raises(ValueError, match="Cuda is not available"):
        torchrun.determine_local_world_size("gpu")
    with pytest.raises(RuntimeError, match="MIN:MAX"):
        torchrun.parse_min_max_nnodes("a:b")
    assert torchrun.determine_local_world_size("cpu") >= 1
