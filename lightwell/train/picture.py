"""The learning curves and some test examples with their predictions, in one picture."""

import os

import numpy as np

_RIGHT, _WRONG, _INK = "#1a7f37", "#c62828", "#4063d8"


def predictions(session, count):
    """(indices, inputs, targets, outputs) of test examples spread evenly over the test data."""
    import lightwell

    data = session.task.test
    chosen = np.linspace(0, len(data) - 1, min(count, len(data))).round().astype(int).tolist()
    samples = [data[i] for i in chosen]
    x = lightwell.stack([s[0] for s in samples])
    y = np.array([s[1].item() if hasattr(s[1], "item") else s[1] for s in samples])
    session.network.eval()
    with lightwell.no_grad():
        out = session.network(x).numpy()
    return chosen, x.numpy(), y, out


def draw(session, path) -> bool:
    """Write the picture; False, with a word about it, where Matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print('no picture drawn, since Matplotlib is not installed: pip install "lightwell[plot]"')
        return False
    classes = session.task.classes
    figure = Figure(figsize=(12, 9 if classes else 8), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.25))
    left, right = above.subplots(1, 2)
    _loss_axes(left, session)
    _score_axes(right, session)
    _pictures(below, session) if classes else _scatter(below, session)
    r = session.recipe
    figure.suptitle(f"{r.model} on {r.data}, {session.epoch} epochs, seed {r.seed}")
    part = f"{path}.part"
    figure.savefig(part, dpi=110, format="png")
    os.replace(part, path)
    return True


def _loss_axes(axes, session):
    """Loss of the batches, smoothed, and of the test data after each epoch."""
    curve = np.asarray(session.curve)
    width = max(1, min(len(curve) // 25, session.steps))
    smooth = np.convolve(curve, np.ones(width) / width, mode="valid")
    at = (np.arange(len(smooth)) + width) / session.steps
    axes.plot(at, smooth, color=_INK, lw=1.2, label="train (running mean)")
    epochs = np.arange(1, len(session.history) + 1)
    axes.plot(epochs, [h["test_loss"] for h in session.history], "o-", color=_WRONG, ms=4, label="test")
    axes.set(xlabel="epoch", ylabel="loss", title="loss", yscale="log" if smooth.min() > 0 else "linear")
    axes.grid(alpha=0.3)
    axes.legend()


def _score_axes(axes, session):
    """Accuracy, or the typical error of a regression, after each epoch."""
    task, epochs = session.task, np.arange(1, len(session.history) + 1)
    name = "accuracy (%)" if task.classes else f"root mean squared error{task.unit and f' ({task.unit.strip()})'}"
    for key, colour, label in (("score", _INK, "train"), ("test_score", _WRONG, "test")):
        values = np.array([h[key] for h in session.history])
        values = 100 * values if task.classes else np.sqrt(values) * task.scale
        axes.plot(epochs, values, "o-", color=colour, ms=4, label=label)
    if task.exact is not None:
        axes.axhline(task.exact, color="grey", ls="--", lw=1, label="test, exact least squares")
    axes.set(xlabel="epoch", ylabel=name, title=name.split(" (")[0])
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()


def _pictures(figure, session, rows=4, columns=10):
    """Test pictures under what they were taken for: green where right, red (with the truth) where wrong."""
    classes = session.task.classes
    _, x, y, out = predictions(session, rows * columns)
    guess = out.argmax(1)
    for i, axes in enumerate(figure.subplots(rows, columns).flat):
        axes.axis("off")
        if i < len(x):
            axes.imshow(x[i, 0], cmap="gray_r")
            right = guess[i] == y[i]
            text = classes[guess[i]] if right else f"{classes[guess[i]]}\n(is {classes[y[i]]})"
            axes.set_title(text, color=_RIGHT if right else _WRONG, fontsize=8, pad=2)
    figure.suptitle(f"{int((guess == y).sum())} of these {len(x)} test pictures are right", fontsize=10)


def _scatter(figure, session):
    """Predicted against true numbers of the test data."""
    task = session.task
    _, _, y, out = predictions(session, 2000)
    truth, guess = y * task.scale + task.centre, out[:, 0] * task.scale + task.centre
    axes = figure.subplots()
    axes.scatter(truth, guess, s=8, alpha=0.5, color=_INK)
    ends = [min(truth.min(), guess.min()), max(truth.max(), guess.max())]
    axes.plot(ends, ends, color=_WRONG, lw=1)
    axes.set(xlabel=f"true{task.unit}", ylabel=f"predicted{task.unit}", title="test data: on the line is right")
    axes.grid(alpha=0.3)
