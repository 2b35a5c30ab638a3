"""Eager lightwell against eager PyTorch: the same programs, side by side, as ratios.

    python benchmarks/eager.py [--rounds 7] [--only WORD] [--markdown]

Each library runs in a process of its own (they must not share an allocator or a thread pool), and the two take turns, round
by round, so that a busy machine slows both. A row is the quickest round of each, and ours divided by PyTorch's: below 1 is
faster. Needs PyTorch; both use the threads that the machine has.
"""

import argparse
import importlib
import json
import subprocess
import sys
import time

LIMITS = {
    "add 10": 0.7, "add 10, grad": 0.7, "50 x (mul, tanh) forward+backward": 0.65, "add 10M": 0.5, "exp 10M": 1.2, "sum 10M": 5.0,
    "softmax 1024x32000": 1.5, "MLP step, batch 256": 1.0, "MLP step, batch 16": 1.0, "LeNet step, batch 256": 1.2,
    "LSTM step 35x32x256": 1.5, "LeNet step, batch 256: peak memory": 1.2,
}  # fmt: skip


def cases(torch):
    """name → (function to time, calls per round)."""
    nn, functional = torch.nn, importlib.import_module(torch.__name__ + ".nn.functional")
    torch.manual_seed(0)
    out = {}
    a, b = torch.randn(10), torch.randn(10)
    g = torch.randn(10, requires_grad=True)
    out["add 10"] = lambda: a + b, 20000
    out["add 10, grad"] = lambda: g + b, 20000

    def chain():
        x = g
        for _ in range(50):
            x = (x * b).tanh()
        x.sum().backward()

    out["50 x (mul, tanh) forward+backward"] = chain, 100
    big = {}

    def large(f):
        def run():
            if not big:
                big["x"], big["y"] = torch.rand(10_000_000), torch.rand(10_000_000)
            return f(big["x"], big["y"])

        return run

    out["add 10M"] = large(lambda x, y: x + y), 3
    out["exp 10M"] = large(lambda x, y: x.exp()), 3
    out["sum 10M"] = large(lambda x, y: x.sum()), 3
    wide = {}

    def softmax():
        if not wide:
            wide["x"] = torch.randn(1024, 32000)
        return functional.softmax(wide["x"], dim=1)

    out["softmax 1024x32000"] = softmax, 1

    def training(make, shape, classes=10):
        state = {}

        def step():
            if not state:
                torch.manual_seed(0)
                net = make()
                state["net"], state["opt"] = net, torch.optim.SGD(net.parameters(), lr=0.1)
                state["x"], state["y"] = torch.randn(*shape), torch.randint(classes, (shape[0],))
            loss = functional.cross_entropy(state["net"](state["x"]), state["y"])
            state["opt"].zero_grad()
            loss.backward()
            state["opt"].step()

        return step

    def mlp():
        return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))

    def lenet():
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip

    out["MLP step, batch 256"] = training(mlp, (256, 784)), 20
    out["MLP step, batch 16"] = training(mlp, (16, 784)), 50
    out["LeNet step, batch 256"] = training(lenet, (256, 1, 28, 28)), 4
    out["LeNet step, batch 16"] = training(lenet, (16, 1, 28, 28)), 20

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(256, 256), nn.Linear(256, 10)

        def forward(self, x):
            return self.head(self.lstm(x)[0][-1])

    state = {}

    def lstm():
        if not state:
            net = Recurrent()
            state["net"], state["opt"] = net, torch.optim.SGD(net.parameters(), lr=0.1)
            state["x"], state["y"] = torch.randn(35, 32, 256), torch.randint(10, (32,))
        loss = functional.cross_entropy(state["net"](state["x"]), state["y"])
        state["opt"].zero_grad()
        loss.backward()
        state["opt"].step()

    out["LSTM step 35x32x256"] = lstm, 2
    return out


def serve(library: str) -> None:
    """Answer timing requests, one JSON line each, until standard input ends."""
    known = cases(importlib.import_module(library))
    for line in sys.stdin:
        name = json.loads(line)
        if name == "peak":
            answer = _peak(known)
        else:
            f, calls = known[name]
            f()
            start = time.perf_counter()
            for _ in range(calls):
                f()
            answer = (time.perf_counter() - start) / calls
        print(json.dumps(answer), flush=True)


def _peak(known) -> float:
    """MiB by which LeNet steps raise the process's peak memory over what it was before the first."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        known["LeNet step, batch 256"][0]()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


class Worker:
    """A process that times one library."""

    def __init__(self, library):
        command = [sys.executable, __file__, "--serve", library]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, name):
        """The answer to one request."""
        self.process.stdin.write(json.dumps(name) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the worker died in {name!r}")
        return json.loads(line)

    def close(self):
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()


def show(name, ours, theirs, unit, markdown):
    """One row."""
    limit = LIMITS.get(name)
    ratio = ours / theirs if theirs else float("nan")
    mark = "" if limit is None else f"<= {limit}" + ("" if ratio <= limit else "  MISSED")
    row = (name, f"{ours:.4g} {unit}", f"{theirs:.4g} {unit}", f"{ratio:.2f}", mark)
    print("| " + " | ".join(row) + " |" if markdown else f"{row[0]:38}{row[1]:>14}{row[2]:>14}{row[3]:>7}  {row[4]}", flush=True)
    return limit is None or ratio <= limit


def main() -> int:
    """Run every case; exit status 1 where a limit was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--only", default="", help="run the cases whose name contains this")
    options.add_argument("--markdown", action="store_true")
    options.add_argument("--serve", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.serve:
        serve(asked.serve)
        return 0
    head = ("case", "lightwell", "PyTorch", "ratio", "goal")
    if asked.markdown:
        print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    else:
        print(f"{head[0]:38}{head[1]:>14}{head[2]:>14}{head[3]:>7}  {head[4]}")
    names = [n for n in [*cases(importlib.import_module("lightwell"))] if asked.only in n]
    good = True
    ours, theirs = Worker("lightwell"), Worker("torch")
    for name in names:
        times = [(ours.ask(name), theirs.ask(name)) for _ in range(asked.rounds)]
        best = [min(column) for column in zip(*times)]
        scale, unit = (1e6, "us") if best[1] < 1e-3 else (1e3, "ms")
        good &= show(name, best[0] * scale, best[1] * scale, unit, asked.markdown)
    ours.close()
    theirs.close()
    name = "LeNet step, batch 256: peak memory"
    if asked.only in name:
        peaks = []
        for library in ("lightwell", "torch"):
            worker = Worker(library)
            peaks.append(worker.ask("peak"))
            worker.close()
        good &= show(name, *peaks, "MiB", asked.markdown)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
