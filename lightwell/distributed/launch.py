"""`python -m lightwell.distributed.launch`: the older command, which gives scripts `--local-rank` unless told `--use-env`."""

import sys

from . import run
from .run import get_args_parser as get_args_parser
from .run import parse_args as parse_args


def main(args=None) -> None:
    """The command."""
    args = list(sys.argv[1:] if args is None else args)
    plain = [a for a in args if a not in ("--use-env", "--use_env")]
    run.main(plain, pass_local_rank=len(plain) == len(args))


if __name__ == "__main__":
    main()
