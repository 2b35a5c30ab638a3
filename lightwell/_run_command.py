"""``lightwell run SCRIPT``: the same as ``python -m lightwell SCRIPT``."""


def add_arguments(parser):
    """The script and everything after it."""
    import argparse

    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="SCRIPT [ARGS]", help="also: -m MODULE, -c CODE")


def run(options) -> int:
    """Hand the arguments on to ``python -m lightwell`` in this process."""
    import sys

    from lightwell import __main__

    if not options.rest:
        print("lightwell run: name a script to run", file=sys.stderr)
        return 2
    sys.argv[1:] = options.rest
    __main__.main()
    return 0
