"""``lightwell run --watch SCRIPT`` and ``lightwell replay FILE``."""

import os
import sys

from ...language import say


def run_watched(rest: list, on: str = "stop", save=True, html: str | None = None, watch=None) -> int:
    """Run a script under a watch: 0; 1 where it exploded (the finding is printed). `watch`: another one than the usual, for a replay."""
    from lightwell import __main__, cli, standin

    from . import Exploded, Watch

    runners = {"-m": __main__._run_module, "-c": __main__._run_code}
    first = rest[0]
    if first in runners and len(rest) < 2:
        print(f"lightwell run: {first} needs {'a module' if first == '-m' else 'code'} after it", file=sys.stderr)
        return 2
    if first not in runners and first != "-" and not os.path.exists(first):
        print(cli.no_such(first), file=sys.stderr)
        return 2
    standin.install()
    sys.excepthook = __main__._show_from_script
    script = {"argv": list(rest), "folder": os.getcwd()}
    w = watch or Watch(on=on, save=save, script=script)
    code, ended = 0, None
    try:
        with w:
            if first in runners:
                runners[first](rest[1], rest[2:])
            else:
                __main__._run_script(first, rest[1:])
    except Exploded as error:
        sys.stdout.flush()
        if watch is None:
            print(error.finding, file=sys.stderr)
        code = 1
    except SystemExit as stop:  # the script's own end
        if stop.code not in (None, 0):
            ended = stop
    except BaseException as error:  # an error, or Ctrl-C: what was followed until there is told first
        ended = error
    if html:
        w.save_html(html)
        print(say(f"report: {html}", f"报告：{html}"), file=sys.stderr)
    if code == 0 and watch is None and not isinstance(ended, Exception):
        sys.stdout.flush()
        print(w.report(), file=sys.stderr)
    if ended is not None:
        raise ended
    return code


# ---- lightwell replay -----------------------------------------------------------------------------------------------


def add_arguments(parser):
    """The file, and how much to show."""
    parser.add_argument("file", metavar="FILE", help="what a watch has saved")
    parser.add_argument("--all", action="store_true", help="every operation, not only those around the first that isn't finite")
    parser.add_argument("--summary", action="store_true", help="only tell what is in the file")
    parser.add_argument("--html", metavar="OUT", help="write the operations as a page, too")


def run(options) -> int:
    """Re-run the step and print its operations."""
    from .capsule import load
    from .replaying import describe, replay

    try:
        capsule = load(options.file)
    except (OSError, ValueError) as error:
        print(f"lightwell replay: {error}", file=sys.stderr)
        return 2
    if options.summary or not capsule["script"]:
        print(describe(capsule))
        if not capsule["script"]:
            print(
                say(
                    "This step was saved within a program: replay it there, with lightwell.explain.watch.replay(FILE, model, loss_fn).",
                    "这一步是在程序内部保存的：请在程序里用 lightwell.explain.watch.replay(FILE, model, loss_fn) 重放。",
                )
            )
        return 0
    played = replay(options.file)
    print(played.text(everything=options.all))
    if options.html:
        played.save_html(options.html)
    return 0
