"""Running a program on several ranks."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent


def run(program, ranks, *args, launcher=("-m", "lightwell.distributed.run"), ok=True, env=None, timeout=100, options=()):
    """The finished process of `program` (a file of programs/, or code) on so many ranks; its output's lines in `lines`."""
    path = HERE / "programs" / program if program.endswith(".py") else None  # (an absolute path stays itself)
    words = [str(path)] if path else ["--no-python", sys.executable, "-m", "lightwell", "-c", program]
    here = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "MASTER_PORT")}
    if "lightwell.distributed.run" in launcher:
        here["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [here.get("PYTHONPATH")])])
    else:  # a run of PyTorch's own
        here.pop("PYTHONPATH", None)
        here["PYTHONWARNINGS"] = "ignore"
    here.pop("PYTHONUNBUFFERED", None)  # ranks share the pipe: a line is to be one write
    here.update(OMP_NUM_THREADS="1", **(env or {}))
    done = subprocess.run(
        [sys.executable, *launcher, "--standalone", f"--nproc_per_node={ranks}", *options, *words, *map(str, args)],
        capture_output=True, text=True, timeout=timeout, env=here, cwd=HERE,
    )  # fmt: skip
    if ok:
        assert done.returncode == 0, done.stdout + done.stderr
    done.lines = sorted(done.stdout.splitlines())
    return done
