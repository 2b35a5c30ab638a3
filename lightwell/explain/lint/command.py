"""``lightwell lint SCRIPT [ARGS]``: run a script or a notebook and tell of the mistakes that raise no error."""

import argparse
import contextlib
import sys

from ...cli import options_behind


def add_arguments(parser):
    """The options of the command, the script, and what it is given."""
    _options(parser)
    parser.add_argument("script", metavar="SCRIPT", help="a .py file or an .ipynb notebook")
    parser.add_argument(
        "rest", nargs=argparse.REMAINDER, metavar="ARGS", help="what the script itself is given; '--' before options named as ours"
    )


def _options(parser) -> None:
    parser.add_argument("--ignore", action="append", default=[], metavar="CODES", help="codes to leave out: LW401,LW443")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON; the script's own output goes to stderr")
    parser.add_argument("--static", action="store_true", help="only read the program, don't run it")


def run(options) -> int:
    """0: nothing found, 1: something found, 2: the script could not be run, or failed, and nothing was found."""
    options_behind(options, _options)
    return tell(options.script, options.rest, options.ignore, options.json, not options.static)


def tell(script, args=(), ignore=(), as_json=False, execute=True, out=None) -> int:
    """Run a script under the lint and print what was found; returns the exit code."""
    from ... import __main__
    from ...language import say
    from .scope import run_script

    hold = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
    try:
        with hold:
            report, error = run_script(script, args, ignore, execute)
    except (OSError, SyntaxError, ValueError) as problem:
        print(f"lightwell lint: {problem}", file=sys.stderr)
        return 2
    if error is not None:
        if isinstance(error, SystemExit):
            print(f"lightwell lint: the script ended with {error.code!r}", file=sys.stderr)
        else:
            __main__._show_from_script(type(error), error, error.__traceback__)
    if as_json or report.findings or error is None:
        print(report.json() if as_json else report, file=out or sys.stdout)
    else:
        print(
            say("lint: the script stopped at an error; nothing found until there.", "lint：脚本因错误停止；在此之前没有发现问题。"),
            file=out or sys.stdout,
        )
    return 1 if report.findings else 2 if error is not None else 0
