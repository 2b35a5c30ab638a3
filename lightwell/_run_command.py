"""``lightwell run SCRIPT``: the same as ``python -m lightwell SCRIPT``; with ``--watch`` its training is followed (explain/watch)."""


def add_arguments(parser):
    """The script and everything after it."""
    import argparse

    parser.add_argument("--watch", action="store_true", help="follow the training and stop at the first NaN, infinity or divergence")
    parser.add_argument("--on", choices=("stop", "warn", "report"), default="stop", help="with --watch: what to do there (default: stop)")
    parser.add_argument("--html", metavar="FILE", help="with --watch: write a report at the end")
    parser.add_argument("--save", metavar="FILE", help="with --watch: where the step that exploded is saved (default: a name by itself)")
    parser.add_argument("--no-save", action="store_true", help="with --watch: save nothing")
    parser.add_argument("--lint", action="store_true", help="tell at the end of mistakes that raise no error (see: lightwell lint --help)")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="SCRIPT [ARGS]", help="also: -m MODULE, -c CODE")


def run(options) -> int:
    """Hand the arguments on to ``python -m lightwell`` in this process."""
    import sys

    from lightwell import __main__

    if not options.rest:
        print("lightwell run: name a script to run", file=sys.stderr)
        return 2
    if options.lint:
        from lightwell.explain.lint.command import tell

        if options.watch or options.rest[0] in ("-m", "-c", "-"):
            print("lightwell run: --lint takes a script or a notebook, and no --watch beside it", file=sys.stderr)
            return 2
        return tell(options.rest[0], options.rest[1:], out=sys.stderr)
    if options.watch:
        from lightwell.explain.watch.command import run_watched

        save = False if options.no_save else options.save or True
        return run_watched(options.rest, on=options.on, save=save, html=options.html)
    sys.argv[1:] = options.rest
    __main__.main()
    return 0
