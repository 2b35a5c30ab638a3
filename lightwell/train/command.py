"""``lightwell train MODEL``: arguments, messages and files of a training run."""

import builtins
import os
import sys
import time

from lightwell.errors.teaching import ValueError


def add_arguments(parser) -> None:
    """What may be written after ``lightwell train``."""
    import argparse

    from lightwell.train.recipes import DATA, MODELS

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    lines = ["models:", *(f"  {name:14}{about}" for name, about in MODELS.items())]
    lines += ["data:", *(f"  {name:14}{about}" for name, about in DATA.items())]
    parser.epilog = "\n".join(lines)
    parser.add_argument("model", nargs="?", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--data", help="digits (the default), mnist, fashion-mnist; for linear airfoil (the default), …")
    parser.add_argument("--epochs", type=int, help="passes over the training data")
    parser.add_argument("--batch-size", type=int, help="examples in a step")
    parser.add_argument("--lr", type=float, help="the highest learning rate")
    parser.add_argument("--seed", type=int, help="seed of all random numbers (0)")
    parser.add_argument("--resume", metavar="FILE", help="go on from a checkpoint")
    parser.add_argument("--root", metavar="DIR", help="folder with the data, else $LIGHTWELL_DATA or the user's cache")
    parser.add_argument("--out", metavar="DIR", help="folder for checkpoint and picture (lightwell-runs/MODEL-DATA)")


def run(options) -> int:
    """Train; 0 when done, 1 where something failed, 2 for wrong arguments, 130 after Ctrl-C."""
    from lightwell.train import checkpoint
    from lightwell.train.recipes import MODELS, Recipe

    state = None
    try:
        if options.resume:
            state = checkpoint.load(options.resume)
            recipe = Recipe(**state["recipe"])
            _refuse_changes(options, recipe)
        elif options.model is None:
            raise ValueError(f"name a model to train: {', '.join(MODELS)} (for instance: lightwell train lenet)")
        else:
            chosen = {name: getattr(options, name) for name in ("data", "epochs", "batch_size", "lr")}
            recipe = Recipe(options.model, **chosen, seed=0 if options.seed is None else options.seed)
    except builtins.ValueError as error:
        print(f"lightwell train: {error}", file=sys.stderr)
        return 2
    return _train(recipe, state, options)


def _refuse_changes(options, recipe):
    """A run that goes on keeps its recipe: with another one its numbers would be those of no run at all."""
    for name in recipe.FIELDS:
        given, kept = getattr(options, name), getattr(recipe, name)
        if given is not None and given != kept:
            word = "MODEL" if name == "model" else f"--{name.replace('_', '-')}"
            raise ValueError(f"the checkpoint was made with {word} {kept}; leave {word} out, or start anew without --resume")


def _train(recipe, state, options) -> int:
    """Load, train, draw, and say where everything is."""
    from lightwell.train import picture, tasks
    from lightwell.train.session import Diverged, Session, Stopped

    try:
        task = tasks.load(recipe, options.root)
    except (RuntimeError, OSError, builtins.ValueError) as error:
        print(f"lightwell train: {error}", file=sys.stderr)
        return 1
    out = options.out
    if out is None:
        out = os.path.dirname(os.path.abspath(options.resume)) if options.resume else None
        out = out or os.path.join("lightwell-runs", f"{recipe.model}-{recipe.data}")
    path = os.path.join(out, "checkpoint.pt")
    session = Session(recipe, task)
    print(recipe.describe(session.network, task), flush=True)
    if state is not None:
        session.restore(state)
        print(f"resumed after epoch {session.epoch}, batch {session.step} of {session.steps}", flush=True)
    begun = time.monotonic()
    try:
        os.makedirs(out, exist_ok=True)
        session.run(path)
        drawn = os.path.join(out, "training.png")
        drawn = drawn if picture.draw(session, drawn) else None
    except KeyboardInterrupt:
        if os.path.exists(path):
            print(f"\nstopped; the last whole epoch is in {path}\nto go on: {_resume_line(path, options)}", flush=True)
            return 130
        raise
    except Stopped:
        where = f"epoch {session.epoch + 1}, batch {session.step} of {session.steps}"
        print(f"stopped in {where}; saved to {path}\nto go on: {_resume_line(path, options)}", flush=True)
        return 130
    except Diverged as error:
        print(f"lightwell train: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        raise  # not the folder's fault: who read our output has gone
    except OSError as error:
        print(f"lightwell train: cannot write to {out}: {error}", file=sys.stderr)
        return 1
    last = session.history[-1]
    print(f"done: test {session.figures(last['test_loss'], last['test_score'])}", flush=True)
    if task.exact is not None:
        print(f"exact least squares: test error {task.exact:.3f}{task.unit}")
    print(f"checkpoint {path}" + (f"\npicture    {drawn}" if drawn else ""))
    print(f"took       {time.monotonic() - begun:.1f} s", flush=True)
    return 0


def _resume_line(path, options) -> str:
    """The command that goes on from here."""
    import shlex

    root = f" --root {shlex.quote(options.root)}" if options.root else ""
    return f"lightwell train --resume {shlex.quote(path)}{root}"
