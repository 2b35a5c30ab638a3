"""One training run: its state, the loop, evaluation, and stopping and going on at any batch."""

import contextlib
import math
import signal
import threading

import numpy as np

from lightwell.train import checkpoint
from lightwell.train.progress import Progress
from lightwell.train.recipes import Recipe, build
from lightwell.utils.data import DataLoader, Sampler


class EpochOrder(Sampler):
    """The random order of one epoch, from a position on; it depends on the seed and the epoch alone."""

    def __init__(self, n, seed):
        self.n, self.seed, self.epoch, self.start = n, seed, 0, 0

    def __iter__(self):
        import lightwell

        generator = lightwell.Generator().manual_seed((self.seed << 24) + self.epoch)
        return iter(lightwell.randperm(self.n, generator=generator).tolist()[self.start :])

    def __len__(self):
        return self.n - self.start


class Stopped(Exception):
    """Ctrl-C was pressed; the state is that after a whole batch."""


class Diverged(Exception):
    """The loss is no longer a finite number."""


class Session:
    """Everything that changes while training, and how it changes."""

    def __init__(self, recipe: Recipe, task):
        import lightwell

        self.recipe, self.task = recipe, task
        lightwell.manual_seed(recipe.seed)
        self.network = build(recipe.model, task)
        self.steps = math.ceil(len(task.train) / recipe.batch_size)
        optim = lightwell.optim
        self.optimizer = optim.Adam(self.network.parameters(), lr=recipe.lr)
        self.scheduler = optim.lr_scheduler.OneCycleLR(self.optimizer, max_lr=recipe.lr, total_steps=self.steps * recipe.epochs)
        self.epoch = self.step = 0  # finished epochs; finished batches of the running one
        self.sums = [0.0, 0.0, 0]  # of the running epoch: loss, score, examples
        self.history = []  # one dict for each finished epoch
        self.curve = []  # loss of every batch
        self.stop = False

    def state(self) -> dict:
        """All of it, as plain values and tensors."""
        import lightwell

        return {
            "recipe": self.recipe.as_dict(),
            "model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "rng": lightwell.get_rng_state(),
            "epoch": self.epoch,
            "step": self.step,
            "sums": list(self.sums),
            "history": [dict(h) for h in self.history],
            "curve": list(self.curve),
        }

    def restore(self, state: dict) -> None:
        """Go back to a saved state."""
        import lightwell

        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.epoch, self.step = state["epoch"], state["step"]
        self.sums, self.history, self.curve = list(state["sums"]), list(state["history"]), list(state["curve"])
        lightwell.set_rng_state(state["rng"])

    def loss_and_score(self, x, y):
        """(mean loss, sum of scores): right answers of a classifier, squared errors of a regression."""
        from lightwell.nn import functional as F

        out = self.network(x)
        if self.task.classes is None:
            loss = F.mse_loss(out, y)
            return loss, loss.item() * len(y)
        return F.cross_entropy(out, y), int((out.argmax(1) == y).sum().item())

    def figures(self, loss, score) -> str:
        """A loss and a mean score in words."""
        if self.task.classes is None:
            error = math.sqrt(score) * self.task.scale
            return f"loss {loss:.4f}  error {error:.3f}{self.task.unit}"
        return f"loss {loss:.4f}  accuracy {100 * score:.2f} %"

    def batches(self):
        """A loader for what is left of the running epoch; it leaves the global random stream alone."""
        import lightwell

        order = EpochOrder(len(self.task.train), self.recipe.seed)
        order.epoch, order.start = self.epoch, self.step * self.recipe.batch_size
        own = lightwell.Generator().manual_seed(0)
        return DataLoader(self.task.train, self.recipe.batch_size, sampler=order, generator=own)

    def train_batch(self, x, y) -> None:
        """One step of the optimizer."""
        self.optimizer.zero_grad()
        loss, score = self.loss_and_score(x, y)
        value = loss.item()
        if not math.isfinite(value):
            raise Diverged(
                f"the loss became {value} in epoch {self.epoch + 1}, batch {self.step + 1}: try a smaller --lr than {self.recipe.lr:g}"
            )
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.step += 1
        n = len(y)
        self.sums = [self.sums[0] + value * n, self.sums[1] + score, self.sums[2] + n]
        self.curve.append(value)

    def train_epoch(self) -> None:
        """The rest of the running epoch, then its evaluation. Raises Stopped between two batches."""
        self.network.train()
        title = f"epoch {self.epoch + 1}/{self.recipe.epochs}"
        bar = Progress(title, self.steps, self.step)
        try:
            for x, y in self.batches():
                if self.stop:
                    raise Stopped
                self.train_batch(x, y)
                loss, score, n = self.sums
                bar.update(len(y), self.figures(loss / n, score / n))
        finally:
            bar.close()
        loss, score, n = self.sums
        test_loss, test_score = self.evaluate()
        entry = {"loss": loss / n, "score": score / n, "test_loss": test_loss, "test_score": test_score}
        self.history.append(entry)
        self.epoch, self.step, self.sums = self.epoch + 1, 0, [0.0, 0.0, 0]
        print(
            f"{title}  train {self.figures(loss / n, score / n)}  test {self.figures(test_loss, test_score)}",
            flush=True,
        )

    def evaluate(self):
        """(mean loss, mean score) on the test data."""
        import lightwell

        self.network.eval()
        loss_sum = score_sum = n = 0
        own = lightwell.Generator().manual_seed(0)
        with lightwell.no_grad():
            for x, y in DataLoader(self.task.test, 500, generator=own):
                loss, score = self.loss_and_score(x, y)
                loss_sum, score_sum, n = loss_sum + loss.item() * len(y), score_sum + score, n + len(y)
        return loss_sum / n, score_sum / n

    def run(self, path, after_epoch=None) -> None:
        """Train to the end, saving after each epoch; on Ctrl-C save and raise Stopped."""
        # a loss that overflows is told in a better way than by a warning from NumPy
        with _Interrupts(self), _same_way(), np.errstate(over="ignore", invalid="ignore"):
            try:
                while self.epoch < self.recipe.epochs:
                    self.train_epoch()
                    checkpoint.save(self.state(), path)
                    if after_epoch is not None:
                        after_epoch(self)
                    if self.stop and self.epoch < self.recipe.epochs:
                        raise Stopped
            except Stopped:
                checkpoint.save(self.state(), path)
                raise


@contextlib.contextmanager
def _same_way():
    """Within it each operation takes the same way whenever it runs: a resumed run is the unbroken one to the last bit."""
    import lightwell

    before = lightwell.are_deterministic_algorithms_enabled()
    lightwell.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        lightwell.use_deterministic_algorithms(before)


class _Interrupts:
    """While this is open the first Ctrl-C asks the session to stop; a second one stops at once."""

    def __init__(self, session):
        self.session = session

    def _handle(self, number, frame):
        if self.session.stop:
            raise KeyboardInterrupt
        self.session.stop = True

    def __enter__(self):
        self.before = None
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self._handle)

    def __exit__(self, *error):
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
