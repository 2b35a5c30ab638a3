"""What `lightwell.watch` costs: a LeNet training step with and without it, eager, the quickest of many runs of each, taken in turn.

    python benchmarks/watch.py [--rounds 30]

Also a MLP, a small transformer and a step of ten-element operations; and the small-operation path after a watch has come and gone.
The project holds itself to 1.5 × for LeNet at batch 256 and 16.
"""

import argparse
import time
import timeit

from workloads import encoder, lenet, mlp

import lightwell as torch


def quickest(step, x, y, n: int) -> float:
    best = float("inf")
    for _ in range(n):
        start = time.perf_counter()
        step(x, y)
        best = min(best, time.perf_counter() - start)
    return best


def compare(name: str, training, rounds: int, n: int) -> None:
    """One row: milliseconds without, with, and their ratio."""
    quickest(training.step, training.x, training.y, 10 * n)  # native kernels are judged in the background
    time.sleep(0.3)
    w = torch.watch(training.net, save=False)
    with w:
        quickest(training.step, training.x, training.y, n)
    off = on = float("inf")
    for _ in range(rounds):
        off = min(off, quickest(training.step, training.x, training.y, n))
        with w:
            on = min(on, quickest(training.step, training.x, training.y, n))
    print(f"| {name} | {off * 1e3:.3f} | {on * 1e3:.3f} | {on / off:.2f} |", flush=True)


def small(n: int = 20000) -> float:
    x = torch.ones(10)
    return min(timeit.repeat(lambda: x + x, number=n, repeat=9)) / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    before = small()
    print("| step | ms | watched, ms | ratio |\n| --- | --- | --- | --- |")
    compare("LeNet, batch 256", lenet.build(torch, 256), rounds, 20)
    compare("LeNet, batch 16", lenet.build(torch, 16), rounds, 60)
    compare("MLP 784-256-10, batch 256", mlp.build(torch, 256), rounds, 40)
    compare("Transformer encoder", encoder.build(torch, 8, 32), rounds, 8)
    print(f"\nadd of 10 elements: {before * 1e9:.0f} ns before, {small() * 1e9:.0f} ns after a watch")


if __name__ == "__main__":
    main()
