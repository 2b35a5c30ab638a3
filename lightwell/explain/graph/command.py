"""``lightwell graph SCRIPT``: run a script with lightwell standing for torch, and draw the graph of its last backward().

Where no backward ran, the largest call of a module is drawn.
"""

import argparse
import os
import sys


def add_arguments(parser):
    """What is drawn, and where it goes; then the script and its own arguments."""
    _options(parser)
    parser.add_argument(
        "rest",
        nargs=argparse.REMAINDER,
        metavar="SCRIPT [ARGS]",
        help="the script; '--' before those of its own options that are named as ours",
    )


def _options(parser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help="FILE.html, .svg, .dot, .mmd or .png (SCRIPT.graph.html)")
    parser.add_argument(
        "--backward", action=argparse.BooleanOptionalAction, default=None, help="with the backward nodes (as it is without a word)"
    )
    parser.add_argument("--fold", type=int, metavar="DEPTH", help="unfold modules so deep: 0 shows the outermost ones as boxes")
    parser.add_argument("--lang", choices=("en", "zh"), help="the language of the picture")
    parser.add_argument("--theme", choices=("light", "dark"), help="light or dark")
    parser.add_argument("--first", action="store_true", help="draw the first backward() and end the script there")


def run(options) -> int:
    """Run the script, write the file, say where it is."""
    from ... import __main__, cli
    from ...language import say, set_language

    if options.rest:  # our own options may follow the script's name
        script = options.rest.pop(0)
        cli.options_behind(options, _options)
        options.rest.insert(0, script)
    rest = options.rest
    if not rest:
        print("lightwell graph: name a script to run", file=sys.stderr)
        return 2
    if options.lang:
        set_language(options.lang)
    path = options.output or os.path.splitext(os.path.basename(rest[0]))[0] + ".graph.html"
    if os.path.splitext(path)[1].lower() not in (".html", ".htm", ".svg", ".dot", ".gv", ".mmd", ".mermaid", ".png"):
        print(f"lightwell graph: the name {path!r} must end in .html, .svg, .dot, .mmd or .png", file=sys.stderr)
        return 2
    path, code = os.path.abspath(path), 0
    with Script(options.first) as script:
        before = sys.argv
        sys.argv = [sys.argv[0], *rest]
        try:
            __main__.main()
        except Enough:
            pass
        except SystemExit as stop:
            code = cli.exit_code(stop)
        except Exception as error:
            __main__._show_from_script(type(error), error, error.__traceback__)
            code = 1
        finally:
            sys.argv = before
    picture = script.picture()
    if picture is None:
        print(say("lightwell graph: no backward() and no module ran: there is nothing to draw",
                  "lightwell graph：既没有运行 backward()，也没有调用任何模块：没有可画的内容"), file=sys.stderr)  # fmt: skip
        return code or 1
    try:
        picture.save(path, options.fold, options.backward is not False, options.lang, options.theme)
    except RuntimeError as error:
        print(f"lightwell graph: {error}", file=sys.stderr)
        return 1
    what = (
        say(f"backward() number {script.backwards}", f"第 {script.backwards} 次 backward()")
        if script.backwards
        else say("a module's call", "一次模块调用")
    )
    count = len(picture.graph.ops)
    print(say(f"graph of {what}, {count} operations: {path}", f"{what}的计算图，共 {count} 个运算：{path}"))
    return code


class Enough(BaseException):
    """Ends the script where its first backward() has run."""


class Script:
    """Watches a whole run: what the last backward() started from, or what the largest call of a module gave."""

    def __init__(self, first: bool = False):
        self.first, self.backwards, self._title, self._ends, self._most = first, 0, "", [], 0

    def __enter__(self):
        from ... import autograd
        from ...autograd import engine
        from .capture import Watch
        from .front import _tensors
        from .model import gather

        script = self

        class Watching(Watch):
            def left(self, module, output):
                if script.backwards:
                    return
                self._settle()
                ends = [(name, self.value_of(t)) for name, t in _tensors(output).items()]
                count = len(gather("", ends).ops)
                if count > script._most:
                    script._most, script._ends, script._title = count, ends, type(module).__name__

        self._watch = watch = Watching()
        self._places = [(space, space.backward) for space in (engine, autograd)]
        real = engine.backward

        def backward(tensors, *args, **kwargs):
            watch._settle()
            roots = (tensors,) if hasattr(tensors, "_node") else tuple(tensors)
            ends = [
                ("loss" if len(roots) == 1 else f"loss[{i}]", watch.value_of(t))
                for i, t in enumerate(roots)
                if hasattr(t, "_a") and t.requires_grad
            ]
            real(tensors, *args, **kwargs)
            if ends:
                script._ends, script.backwards = ends, script.backwards + 1
                script._title = os.path.basename(sys.argv[0])
            watch.tensors.clear()  # what comes next starts afresh: a detached state is data
            watch.places.clear()
            if script.first and ends:
                raise Enough

        for space, _ in self._places:
            space.backward = backward
        watch.__enter__()
        return self

    def __exit__(self, *exc):
        self._watch.__exit__(*exc)
        for space, real in self._places:
            space.backward = real

    def picture(self):
        """The picture of what was found; None where nothing ran."""
        from .model import gather
        from .picture import Picture

        return Picture(gather(self._title, self._ends)) if self._ends else None
