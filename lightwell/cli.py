"""The command line: ``lightwell train`` and whatever other commands there are, one module each."""

import argparse
import sys

# command -> (module with add_arguments(parser) and run(options) -> exit code, one line about it)
COMMANDS = {
    "train": ("lightwell.train.command", "train a network on real data, with pictures and a checkpoint at the end"),
    "run": ("lightwell._run_command", "run a script with lightwell standing for torch and torchvision"),
    "replay": ("lightwell.explain.watch.command", "run again, operation by operation, a training step that a watch has saved"),
    "lint": ("lightwell.explain.lint.command", "run a script or notebook and tell of mistakes that raise no error"),
    "explain": (
        "lightwell.explain.story.command",
        "derive an operation, tell how a script's loss and its gradients came about, or what an error's code means",
    ),
    "explain-compile": ("lightwell._explain_compile_command", "run a script and tell what became of its compiled programs"),
    "graph": ("lightwell.explain.graph.command", "run a script and draw its computation: a page, SVG, DOT or Mermaid"),
    "version": ("lightwell._version_command", "print the version"),
}


def first_words():
    """What may come first on the command line, besides a script."""
    return {*COMMANDS, "-h", "--help", "--version", "-V"}


def no_such(word: str) -> str:
    """A message about a first word that is neither a command nor a file."""
    import difflib

    near = difflib.get_close_matches(word, COMMANDS, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"lightwell: {word!r} is neither a file nor a command.{hint}\n"
        f"Commands: {', '.join(COMMANDS)}. Scripts: python -m lightwell SCRIPT [ARGS]"
    )


def exit_code(stop: SystemExit) -> int:
    """The number that a SystemExit ends the process with; what it has to say instead of a number is printed, as Python does."""
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    sys.stdout.flush()
    print(stop.code, file=sys.stderr)
    return 1


class Parser(argparse.ArgumentParser):
    """A parser that shows, with an error, what could have been written."""

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}\nSee: {self.prog} --help\n")


def options_behind(options, define) -> None:
    """Read the options that stand behind a script's name too (`options.rest`); what isn't ours, or is behind '--', stays the script's.

    `define(parser)` adds the command's options, without its positional arguments.
    """
    rest = options.rest
    ours, theirs = (rest[: rest.index("--")], rest[rest.index("--") + 1 :]) if "--" in rest else (rest, [])
    parser = Parser(prog=f"lightwell {options.command}", add_help=False, allow_abbrev=False)
    define(parser)
    for action in parser._actions:
        action.default = argparse.SUPPRESS  # what was said in front of the script stands
    _, unknown = parser.parse_known_args(ours, options)
    options.rest = [*unknown, *theirs]


def main(argv=None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 wrong arguments, 130 stopped by Ctrl-C."""
    import importlib

    argv = sys.argv[1:] if argv is None else list(argv)
    parser = Parser(
        prog="lightwell",
        description="A deep-learning framework to read, with PyTorch's names.",
        epilog="python -m lightwell SCRIPT [ARGS] runs a script with lightwell standing for torch and torchvision.",
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    word = next((a for a in argv if not a.startswith("-")), None)
    for name, (module, about) in COMMANDS.items():
        sub = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        if name == word:  # only the command that is asked for is imported
            importlib.import_module(module).add_arguments(sub)
    if word is not None and word not in COMMANDS and not any(a in ("-h", "--help", "-V", "--version") for a in argv):
        print(no_such(word), file=sys.stderr)
        return 2
    try:
        options, unknown = parser.parse_known_args(argv)
        if unknown:  # said by the command's own parser, whose usage helps
            (commands.choices.get(options.command) or parser).error(f"unrecognized arguments: {' '.join(unknown)}")
        if options.version:
            return importlib.import_module(COMMANDS["version"][0]).run(options)
        if options.command is None:
            parser.print_help()
            return 0
        return importlib.import_module(COMMANDS[options.command][0]).run(options) or 0
    except SystemExit as stop:  # argparse leaves this way; a caller of main() wants the number
        return exit_code(stop)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as `head` does
        return 1


if __name__ == "__main__":
    sys.exit(main())
