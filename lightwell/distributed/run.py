"""`python -m lightwell.distributed.run [OPTIONS] SCRIPT [ARGS]`: PyTorch's torchrun. Runs a script in several processes.

The script runs with lightwell standing for torch. It finds RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, GROUP_RANK, MASTER_ADDR,
MASTER_PORT and TORCHELASTIC_RUN_ID in its environment, which is all that `init_process_group` asks for. When a process fails the
others are ended, and the failed one's rank and exit code are told.
"""

import argparse
import builtins
import os
import sys

from ..errors.teaching import RuntimeError, ValueError


def get_args_parser() -> argparse.ArgumentParser:
    """The command line's parser."""
    parser = argparse.ArgumentParser(prog="python -m lightwell.distributed.run", description="Run a script in several processes.")

    def option(name, *more, **settings):
        default = os.environ.get("PET_" + name[2:].replace("-", "_").upper(), settings.pop("default", None))
        parser.add_argument(
            name, *([name.replace("-", "_").replace("__", "--", 1)] if "-" in name[2:] else []), *more, default=default, **settings
        )

    option("--nnodes", default="1", help="machines: N, or MIN:MAX")
    option("--nproc-per-node", default="1", help="processes on this machine: a number, or auto or cpu for the number of CPUs")
    option("--rdzv-backend", default="static", help="static (machines are numbered by --node-rank) or c10d (in order of arrival)")
    option("--rdzv-endpoint", default="", help="HOST:PORT where machines meet, on the first of them")
    option("--rdzv-id", default="none", help="the run's name, equal on all machines")
    option("--rdzv-conf", default="", help="key=value,...: timeout=SECONDS")
    option("--node-rank", default=0, type=int, help="this machine's number (static)")
    option("--master-addr", default="127.0.0.1", help="the first machine's address (static)")
    option("--master-port", default=29500, type=int, help="a free port there (static)")
    option("--max-restarts", default=0, type=int, help="how often to start anew after a failure")
    option("--monitor-interval", default=0.1, type=float, help="seconds between two looks at the processes")
    option("--start-method", default="spawn", help="accepted: processes are always started afresh")
    option("--role", default="default", help="a name for the processes")
    option("--log-dir", help="folder for redirected output")
    option("--redirects", "-r", default="0", help="write to files in --log-dir: 1 stdout, 2 stderr, 3 both, or RANK:WHAT,...")
    option("--tee", "-t", default="0", help="write to files and to the terminal, as --redirects")
    option("--local-addr", help="accepted: addresses are found by themselves")
    option("--local-ranks-filter", default="", help="accepted")
    parser.add_argument("--standalone", action="store_true", help="one machine alone; a free port is chosen")
    parser.add_argument("-m", "--module", action="store_true", help="SCRIPT is a module's name")
    parser.add_argument("--no-python", "--no_python", action="store_true", help="SCRIPT is a program of its own")
    parser.add_argument("--run-path", "--run_path", action="store_true", help="accepted: scripts are run by path")
    parser.add_argument("training_script", metavar="SCRIPT", help="what to run")
    parser.add_argument("training_script_args", nargs=argparse.REMAINDER, metavar="ARGS", help="its arguments")
    return parser


def parse_args(args):
    """The options of a command line."""
    return get_args_parser().parse_args(args)


def parse_min_max_nnodes(nnodes: str):
    """(fewest, most) machines of 'N' or 'MIN:MAX'; RuntimeError for another form."""
    parts = str(nnodes).split(":")
    if len(parts) > 2 or not all(p.isdigit() for p in parts):
        raise RuntimeError(f'nnodes={nnodes} is not in "MIN:MAX" format')
    return int(parts[0]), int(parts[-1])


def determine_local_world_size(nproc_per_node: str) -> int:
    """How many processes '4', 'auto' or 'cpu' means here; ValueError for 'gpu', and for anything else."""
    text = str(nproc_per_node)
    if text.isdigit() and int(text):
        return int(text)
    if text in ("auto", "cpu"):
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if text == "gpu":
        raise ValueError("--nproc-per-node=gpu: Cuda is not available; write a number, or cpu")
    raise ValueError(f"Unsupported nproc_per_node value: {nproc_per_node}: a number from 1 on, auto or cpu")


def config_from_args(args):
    """(LaunchConfig, command) of parsed options."""
    from .elastic.agent import LaunchConfig

    low, high = parse_min_max_nnodes(args.nnodes)
    if not 0 < low <= high:
        raise ValueError(f"--nnodes={args.nnodes}: the numbers must be positive, and the first not the larger one")
    conf = dict(part.split("=", 1) for part in args.rdzv_conf.split(",") if "=" in part)
    config = LaunchConfig(
        low, high, determine_local_world_size(args.nproc_per_node), max_restarts=args.max_restarts, monitor_interval=args.monitor_interval,
        log_dir=args.log_dir, redirects=args.redirects, tee=args.tee, role=args.role, start_timeout=float(conf.get("timeout", 600)),
    )  # fmt: skip
    if args.standalone:
        config.host, config.port = "localhost", 0
    elif args.rdzv_endpoint:
        host, _, port = args.rdzv_endpoint.rpartition(":") if ":" in args.rdzv_endpoint else (args.rdzv_endpoint, "", "29400")
        config.host, config.port = host, int(port)
        config.node_rank = args.node_rank if args.rdzv_backend == "static" else None
    else:
        config.host, config.port, config.node_rank = args.master_addr, args.master_port, args.node_rank
    if args.rdzv_id != "none" or high > 1:
        config.run_id = args.rdzv_id
    if args.no_python:
        if args.module:
            raise ValueError("Don't use both the '--no-python' flag and the '--module' flag at the same time.")
        command = [args.training_script]
    else:
        command = [sys.executable, "-u", "-m", "lightwell", *(["-m"] if args.module else []), args.training_script]
    return config, [*command, *args.training_script_args]


def run(args, pass_local_rank: bool = False) -> None:
    """Run what parsed options ask for; ChildFailedError where a process fails."""
    from .elastic.agent import Agent

    config, command = config_from_args(args)
    config.pass_local_rank = pass_local_rank
    Agent(config, command, args.training_script).run()


def main(args=None, pass_local_rank: bool = False) -> None:
    """The command: exits with 1 where a process failed, 2 for wrong arguments."""
    from .elastic.multiprocessing.errors import ChildFailedError
    from .errors import DistError

    options = parse_args(args)
    try:
        run(options, pass_local_rank)
    except ChildFailedError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except (DistError, builtins.ValueError, builtins.RuntimeError, OSError) as error:
        print(f"lightwell.distributed.run: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, DistError) else 2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
