"""A live bar for one epoch: rich's on a terminal where rich is installed, else a few lines of our own."""

import sys
import time


class Progress:
    """Counts batches; shows loss, a second figure, examples per second, and the time left.

    On a terminal one line is drawn over and over; in a log a line is written every ``every`` seconds.
    """

    def __init__(self, title, total, done=0, file=None, every=10.0):
        self.title, self.total, self.done, self.first = title, total, done, done
        self.file = sys.stderr if file is None else file
        self.live = self.file.isatty()
        self.start = self.shown = time.monotonic()
        self.every = 0.1 if self.live else every
        self.examples = 0
        self.bar = self._rich() if self.live else None

    def _rich(self):
        """rich's bar, or None where it is not installed."""
        try:
            from rich import progress
            from rich.console import Console
        except ModuleNotFoundError:
            return None
        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[text]}"),
            progress.TimeRemainingColumn(compact=True),
        )
        bar = progress.Progress(*columns, console=Console(file=self.file), transient=True)
        self.task = bar.add_task(self.title, total=self.total, completed=self.done, text="")
        bar.start()
        return bar

    def update(self, examples, figures):
        """One batch more; ``figures`` is text such as 'loss 0.31  accuracy 91.2 %'."""
        self.done += 1
        self.examples += examples
        now = time.monotonic()
        rate = self.examples / max(now - self.start, 1e-9)
        text = f"{figures}  {rate:,.0f} examples/s"
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done, text=text)
        elif now - self.shown >= self.every:
            self.shown = now
            left = (now - self.start) / (self.done - self.first) * (self.total - self.done)
            self._line(f"{self.title} {self._blocks()}{100 * self.done // self.total:3d} %  {text}  {left:.0f} s left")

    def _blocks(self, width=20):
        """The bar itself; nothing in a log."""
        full = width * self.done // self.total
        return f"[{'#' * full}{'.' * (width - full)}] " if self.live else ""

    def _line(self, text):
        import shutil

        if self.live:
            width = shutil.get_terminal_size().columns - 1
            self.file.write("\r" + text[:width].ljust(width))
        else:
            self.file.write(text + "\n")
        self.file.flush()

    def close(self):
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
        elif self.live:
            self._line("")
            self.file.write("\r")
            self.file.flush()
