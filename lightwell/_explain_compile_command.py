"""``lightwell explain-compile SCRIPT``: run a script, then tell what became of each compiled program in it."""


def add_arguments(parser):
    """The script and its arguments."""
    import argparse

    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="SCRIPT [ARGS]", help="also: -m MODULE, -c CODE")


def run(options) -> int:
    """Run the script with every compiled program noted and timed; print the report at its end."""
    import sys

    from lightwell import __main__
    from lightwell.compile import api, native, report

    if not options.rest:
        print("lightwell explain-compile: name a script to run", file=sys.stderr)
        return 2
    if not native.available():
        print("lightwell explain-compile: there is no native code to explain: pip install 'lightwell[fast]'", file=sys.stderr)
        return 1
    report.programs = []
    sys.argv[1:] = options.rest
    try:
        __main__.main()
    except SystemExit as stop:
        if stop.code not in (None, 0):
            print(f"the script ended with {stop.code}", file=sys.stderr)
    programs, report.programs = report.programs, None
    reasons = dict.fromkeys(reason for compiled in list(api.everything) for reason in compiled.reasons)
    if not programs:
        print("no program was compiled: torch.compile(model) or torch.compile(step) asks for it")
    else:
        peak = report.limits()
        print(f"\nthis machine: {peak[0] / 1e9:.0f} GFLOP/s in products of matrices, {peak[1] / 1e9:.1f} GB/s from memory")
        for title, stages, program in programs:
            print("\n" + report.text(title, stages, program, peak))
    for reason in reasons:
        print("\n" + reason)
    return 0
