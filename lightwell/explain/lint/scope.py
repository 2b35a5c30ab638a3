"""Around the user's program: `with lint():` for a block or a notebook cell, `run_script` for a whole program."""

import os
import sys
import warnings

from . import source, static
from .checks_data import Data
from .checks_evaluation import Evaluation
from .checks_losses import Losses
from .checks_parameters import Parameters
from .checks_targets import Targets
from .checks_training import Training
from .findings import LintWarning, Report
from .observer import LOSSES, Observer

__all__ = ["lint", "run_script"]


class _Scope:
    """A report, and the observer that fills it."""

    def __init__(self, ignore=(), model=None, optimizer=None, whole_program=False):
        self.report = Report(ignore)
        training = Training(self.report)
        parameters = Parameters(self.report, training, model, optimizer)
        if optimizer is not None:
            training.optimizer(optimizer, source.here())
        checks = [
            Losses(self.report, training),
            Evaluation(self.report, training),
            parameters,
            Data(self.report, training, whole_program),
            training,
            Targets(self.report),
        ]
        self.observer = Observer(checks)
        self._order = [parameters, training, *checks[:2], checks[3], checks[5]]  # at the end: causes before what follows from them

    def end(self):
        """What only the end can tell."""
        for check in self._order:
            for listener in self.observer.listeners["end"]:
                if listener.__self__ is check:
                    self._tell(listener)
        self.observer.forget()

    def _tell(self, listener):
        try:
            listener()
        except Exception:
            if os.environ.get("LIGHTWELL_LINT_STRICT"):
                raise


class lint:
    """Watch the block for mistakes that raise no error, and warn of each at its end.

    `model` and `optimizer`, where given, are looked at more closely; `ignore` names codes to leave out. `findings` holds what was found.
    The warnings are of the category `LintWarning`. ValueError for an unknown code.

    >>> import lightwell as torch, warnings
    >>> net, x, y = torch.nn.Linear(3, 1), torch.ones(4, 3), torch.zeros(4)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     with torch.lint() as found:
    ...         loss = torch.nn.functional.mse_loss(net(x), y)
    >>> [f.code for f in found.findings]
    ['LW404']
    """

    def __init__(self, model=None, optimizer=None, *, ignore=()):
        self._scope = _Scope(ignore, model, optimizer)
        self._names: list = []

    @property
    def findings(self) -> list:
        """What was found, in the order of the lines."""
        return self._scope.report.findings

    def __enter__(self):
        source.refresh()
        frame = source.called_from()
        self._file = frame.f_code.co_filename
        self._lines = frame.f_lineno
        from ...nn import functional as F

        before = {name: getattr(F, name) for name in LOSSES}
        self._scope.observer.subject = static.subject(self._file)
        self._scope.observer.__enter__()
        for name, value in list(frame.f_globals.items()):  # `from torch.nn.functional import cross_entropy` of before
            for loss, function in before.items():
                if value is function:
                    self._names.append((frame.f_globals, name, value))
                    frame.f_globals[name] = getattr(F, loss)
        return self

    def __exit__(self, kind, error, trace):
        for space, name, value in self._names:
            space[name] = value
        self._scope.observer.__exit__(kind, error, trace)
        self._static()
        self._scope.end()
        if kind is None:
            for f in self.findings:
                warnings.warn_explicit(f.brief(), LintWarning, f.file, f.line)

    def _static(self):
        """The text of the block itself, and of the classes whose objects it may use."""
        report = Report()
        static.check(self._file, report)
        block = source.statement_at(self._file, self._lines)
        first, last = (block.lineno, block.end_lineno) if block is not None else (0, 0)
        for f in report.findings:
            if first <= f.line <= last:
                self._scope.report.add(f.code, (f.file, f.line), *f.message)

    def __repr__(self):
        return str(self._scope.report)


def _files_of(main: str, before: set) -> list:
    """The user's files that were imported during the run, the script first."""
    found = [main]
    for name in set(sys.modules) - before:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and file.endswith(".py") and source.is_users(file) and file not in found:
            found.append(file)
    return found


def run_script(path: str, args=(), ignore=(), execute=True) -> tuple:
    """Look at a script or notebook and, with `execute`, run it; returns (report, the error that stopped it or None).

    FileNotFoundError, and SyntaxError where the text is not Python.
    """
    source.refresh(path)
    cells = source.notebook_cells(path) if path.endswith(".ipynb") else None
    texts = [name for name, _ in cells] if cells is not None else [path]
    if cells is None:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec")
    else:
        for name, text in cells:
            compile(text, name, "exec")
    scope = _Scope(ignore, whole_program=True)
    error = None
    before = set(sys.modules)
    if execute:
        from ... import __main__ as front
        from ... import standin

        standin.install()
        scope.observer.subject = static.subject(*texts)
        argv, where, main = list(sys.argv), list(sys.path), sys.modules.get("__main__")
        try:
            with scope.observer:
                if cells is None:
                    front._run_script(path, list(args))
                else:
                    _run_cells(front, path, cells, args)
        except SystemExit as stop:
            error = None if stop.code in (None, 0) else stop
        except Exception as raised:
            error = raised
        finally:
            sys.argv[:], sys.path[:] = argv, where
            if main is not None:
                sys.modules["__main__"] = main
    for name in texts if cells is not None else _files_of(path, before):
        static.check(name, scope.report)
    if execute:
        scope.end()
    return scope.report, error


def _run_cells(front, path, cells, args):
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.argv, sys.path[0] = [path, *args], os.path.dirname(os.path.realpath(path))
    space = front._fresh_main(file=path).__dict__
    for name, text in cells:
        exec(compile(text, name, "exec"), space)
