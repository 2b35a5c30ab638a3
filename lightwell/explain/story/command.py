"""``lightwell explain WHAT``: an operation's derivation, how the loss of a script's last backward() came about, or an error's page."""

import argparse
import os
import re
import sys

from ...cli import options_behind
from ...language import say


def add_arguments(parser):
    """What to explain, and how to write it."""
    _options(parser)
    parser.add_argument(
        "what",
        metavar="OP_OR_SCRIPT",
        help="an operation (tanh, softmax, nn.LSTM), a script, run with lightwell as torch, or an error's code (LW101)",
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="ARGS", help="the script's arguments; '--' before options named as ours")


def _options(parser) -> None:
    parser.add_argument("--html", metavar="FILE", help="write a page of its own instead of printing text")
    parser.add_argument("--save", metavar="FILE", help="write .html, .md, .tex or .txt, by the ending")
    parser.add_argument("--latex", action="store_true", help="print LaTeX")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--wrt", metavar="NAME", action="append", help="a leaf to which the chain rule is written out (may be repeated)")
    parser.add_argument("--numbers", action="store_true", help="add values and gradients")
    parser.add_argument("--at", type=int, metavar="N", help="explain the N-th backward() of the script instead of the last")
    parser.add_argument(
        "--limit", type=int, default=40, metavar="N", help="steps told before repeated ones are folded; 0: all (default 40)"
    )
    parser.add_argument("--lang", choices=("en", "zh"), help="the language")


def run(options) -> int:
    """Explain, and print or write it."""
    from .explanation import of_operation

    options_behind(options, _options)
    script = os.path.exists(options.what) or options.what.endswith(".py")
    if options.rest and not script:
        print(f"lightwell explain: only a script takes arguments: {' '.join(options.rest)}\nSee: lightwell explain --help", file=sys.stderr)
        return 2
    if re.fullmatch(r"LW\d{3}", options.what.upper()) and not script:
        return _page(options)
    if script:
        found, code = _of_script(options)
        if found is None:
            return code
    else:
        try:
            found = of_operation(options.what, options.lang)
        except ValueError as error:
            print(f"lightwell explain: {str(error).removeprefix('explain(): ')}", file=sys.stderr)
            return 2
        code = 0
    target = options.html or options.save
    try:
        if target:
            found.save(target if not options.html or target.endswith((".html", ".htm")) else target + ".html")
            print(f"written to {target}")
        else:
            print(found.latex() if options.latex else found.markdown() if options.markdown else found)
    except (OSError, ValueError) as error:
        print(f"lightwell explain: {error}", file=sys.stderr)
        return 1
    return code


def _page(options) -> int:
    """The page of an error's or a warning's code."""
    from ...errors import page
    from ...language import set_language

    if options.lang:
        set_language(options.lang)
    try:
        print(page(options.what.upper()))
    except (ValueError, LookupError) as error:
        print(f"lightwell explain: {str(error).removeprefix('explain: ')}", file=sys.stderr)
        return 2
    finally:
        if options.lang:
            set_language(None)
    return 0


class Listener:
    """Takes down the story of each backward() that runs; `story` is the last one's (or the `at`-th)."""

    def __init__(self, numbers: bool = False, wrt=None, at: int | None = None):
        self.numbers, self.wrt, self.at = numbers, wrt, at
        self.count, self.story, self.readings = 0, None, {}

    def __enter__(self):
        from ...autograd import anomaly, engine
        from ...ops import op

        self._engine, self._backward = engine, engine.backward
        engine.backward = self._heard
        self._lines = op.interpose(anomaly._note_line)
        self._lines.__enter__()
        return self

    def __exit__(self, *exc):
        self._lines.__exit__(*exc)
        self._engine.backward = self._backward

    def _heard(self, tensors, *args, **kwargs):
        from ...tensor import Tensor
        from .names import Known, callers_frame
        from .walk import Story

        self.count += 1
        first = tensors if isinstance(tensors, Tensor) else next(iter(tensors), None)
        if getattr(first, "_node", None) is not None and self.at in (None, self.count):
            self.story = Story(first, Known(callers_frame(2)), self.numbers, readings=self.readings)
        return self._backward(tensors, *args, **kwargs)


def _of_script(options):
    """(explanation, exit code) of a script; None for the explanation where there is nothing to explain."""
    from lightwell import __main__, cli

    from .explanation import Explanation
    from .tell import Telling

    if not os.path.exists(options.what):
        print(f"lightwell explain: there is no file {options.what!r}", file=sys.stderr)
        return None, 2
    code = 0
    sys.argv[1:] = [options.what, *options.rest]
    with Listener(options.numbers, None, options.at) as listener:
        try:
            __main__.main()
        except SystemExit as stop:
            code = cli.exit_code(stop)
    story = listener.story
    if story is None:
        times = listener.count
        told = (
            say(f"backward() was called {times} times in it", f"其中 backward() 只调用了 {times} 次")
            if times
            else say(
                "backward() was never called in it (gradients by torch.func.grad or autograd.grad: write lightwell.explain(loss) in the script)",
                "其中没有调用 backward()（若用 torch.func.grad 或 autograd.grad 求梯度，请在脚本里写 lightwell.explain(loss)）",
            )
        )
        print(f"lightwell explain: {options.what}: {told}" + say(": there is nothing to explain", "：没有可讲解的内容"), file=sys.stderr)
        return None, code or 1
    try:
        story.wrt = story.find(options.wrt) if options.wrt else None
    except ValueError as error:
        print(f"lightwell explain: {str(error).removeprefix('explain(): ')}", file=sys.stderr)
        return None, 2
    return Explanation(lambda: Telling(story, limit=options.limit or None).document(), options.lang), code
