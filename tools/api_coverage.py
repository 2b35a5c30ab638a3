"""How much of what the book and PyTorch's own examples call is here: coverage of `tools/api_usage.csv` by column.

    python tools/api_coverage.py            the table, and every name that is missing
    python tools/api_coverage.py --check    exit status 1 where a column is below its goal (run in CI)

The list says for each name how many sections of the Chinese edition (zh), the English one (en), the older PyTorch port
(shusen) and of PyTorch's examples call it, and with which keywords. A name counts as covered if it is found under the
stand-in, has a docstring, and takes those keywords. Names in the section "Left out" of docs/compatibility.md are reported
apart: they count as missing in the figures of the examples, and against nothing that the book calls.
"""

import argparse
import csv
import importlib
import inspect
import pathlib
import re
import sys

HOME = pathlib.Path(__file__).resolve().parent.parent
GOALS = {"zh": 100.0, "en": 100.0, "shusen": 100.0, "pytorch_examples": 97.0}
# Whose methods and attributes the list means by its short names; the scheduler's one is filed there under Optimizer.
OWNERS = {"Tensor": "torch.Tensor", "Module": "torch.nn.Module", "Optimizer": "torch.optim.Optimizer"}
ELSEWHERE = {"Optimizer.get_last_lr": "torch.optim.lr_scheduler.LRScheduler.get_last_lr"}
# Set in the constructor, so that an instance has them and the class doesn't.
ON_INSTANCES = {
    "Module": lambda: importlib.import_module("torch").nn.Linear(1, 1),
    "Optimizer": lambda: importlib.import_module("torch").optim.SGD([importlib.import_module("torch").zeros(1)]),
}


def find(name: str):
    """What a name of the list stands for; raises AttributeError or ImportError where there is none."""
    head, _, rest = name.partition(".")
    full = ELSEWHERE.get(name) or (f"{OWNERS[head]}.{rest}" if head in OWNERS else name)
    parts = full.split(".")
    problem: Exception = AttributeError(full)
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            problem = error
            continue
        try:
            for part in parts[cut:]:
                found = getattr(found, part)
        except AttributeError as error:
            if head in ON_INSTANCES:
                return getattr(ON_INSTANCES[head](), rest)
            problem = error
            continue
        return found
    raise problem


def refused(function, keywords: list[str]) -> list[str]:
    """The keywords that a function's signature does not take."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return []
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return []
    aliases = {"axis": "dim", "keepdims": "keepdim"}
    known = {*parameters, "out"} if getattr(function, "takes_out", False) else set(parameters)
    return [k for k in keywords if k not in known and aliases.get(k) not in known]


def judge(row: dict) -> str:
    """Empty if the name is here, documented and takes its keywords; else what is wrong."""
    try:
        found = find(row["api"])
    except (AttributeError, ImportError, RuntimeError) as error:
        return f"missing ({error})"
    ours = (getattr(found, "__module__", None) or "lightwell").startswith("lightwell")  # Python's own say what they say
    if ours and (callable(found) or inspect.ismodule(found) or isinstance(found, property)) and not inspect.getdoc(found):
        return "without a docstring"
    bad = refused(found, row["keywords"].split()) if callable(found) else []
    return f"takes no {', '.join(bad)}" if bad else ""


def left_out() -> set[str]:
    """The names that docs/compatibility.md lists as left out, with a reason."""
    text = (HOME / "docs" / "compatibility.md").read_text(encoding="utf-8")
    section = text.partition("## Left out")[2].partition("\n## ")[0]
    return set(re.findall(r"`([\w.]+)`", "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("|"))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit with status 1 where a column is below its goal")
    check = parser.parse_args().check
    sys.path.insert(0, str(HOME))
    importlib.import_module("lightwell.standin").install()
    with open(HOME / "tools" / "api_usage.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    excused = left_out()
    problems = {row["api"]: problem for row in rows if (problem := judge(row))}
    short = False
    print(f"{'column':<18}{'names':>6}{'here':>6}{'share':>9}{'goal':>7}{'calls':>9}")
    for column, goal in GOALS.items():
        counted = [row for row in rows if row[column] not in ("", "0")]
        if column != "pytorch_examples":
            counted = [row for row in counted if row["api"] not in excused]
        here = [row for row in counted if row["api"] not in problems]
        share = 100 * len(here) / len(counted)
        calls = sum(int(r[column]) for r in here) / sum(int(r[column]) for r in counted)
        short |= share < goal
        print(f"{column:<18}{len(counted):>6}{len(here):>6}{share:>8.1f}%{goal:>6.0f}%{100 * calls:>8.1f}%")
    for name, problem in problems.items():
        print(f"  {name}: {problem}" + (" [left out, see docs/compatibility.md]" if name in excused else ""))
    return int(check and short)


if __name__ == "__main__":
    sys.exit(main())
