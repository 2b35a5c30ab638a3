"""The data of a training run: two datasets ready for batches, and what is needed to speak of them."""

import os

import numpy as np

# mean and standard deviation of the training pixels, in [0, 1]
_PIXELS = {"digits": (0.3055, 0.3766), "mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530)}


class Task:
    """``train`` and ``test`` datasets of (x, y); ``shape`` of x; ``classes``, or None where y is a number.

    A predicted number p stands for ``p * scale + centre`` in ``unit``.
    """

    def __init__(self, train, test, shape, classes, prepared, scale=1.0, centre=0.0, unit="", exact=None):
        self.train, self.test, self.shape, self.classes, self.prepared = train, test, shape, classes, prepared
        self.scale, self.centre, self.unit, self.exact = scale, centre, unit, exact


def load(recipe, root=None) -> Task:
    """The data for a recipe; downloads what is nowhere on this machine. Raises what the datasets raise."""
    if recipe.data == "airfoil":
        return _airfoil()
    train, test = _pictures(recipe.data, root)
    if recipe.model == "linear":
        columns = [
            (d.data.numpy().reshape(len(d), -1).astype(np.float32) / 255, d.targets.numpy().astype(np.float32)) for d in (train, test)
        ]
        meaning = "the number of the class" if recipe.data == "fashion-mnist" else "the value of the digit"
        return _regression(*columns, f"to predict {meaning} from the pixels", "")
    mean, std = _PIXELS[recipe.data]
    prepared = f"pixels normalized by mean {mean:g} and standard deviation {std:g}"
    return Task(train, test, (1, *train.data.shape[1:]), train.classes, prepared)


def _pictures(name, root):
    """The two parts of a picture dataset, as normalized float tensors (1, H, W)."""
    from lightwell.vision import datasets, transforms

    mean, std = _PIXELS[name]
    steps = transforms.Compose([transforms.ToTensor(), transforms.Normalize((mean,), (std,))])
    kind = {"digits": datasets.Digits, "mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    return [kind(root, train=part, transform=steps, download=True) for part in (True, False)]


def _airfoil():
    """Sound pressure level from five numbers."""
    with np.load(os.path.join(os.path.dirname(__file__), "data", "airfoil.npz")) as file:
        table = file["table"]
    test = np.arange(len(table)) % 5 == 4
    x, y = table[:, :-1].copy(), table[:, -1]
    x[:, 0] = np.log(x[:, 0])  # frequencies are spaced by ratios
    parts = [(x[rows].astype(np.float32), y[rows].astype(np.float32)) for rows in (~test, test)]
    return _regression(*parts, "to predict the sound level from log frequency and four more numbers", " dB")


def _regression(train, test, about, unit):
    """Standardise by the training part; solve it exactly too, to have something to compare with."""
    from lightwell.tensor import wrap
    from lightwell.utils.data import TensorDataset

    x, y = train
    mean, std = x.mean(0), x.std(0)
    std[std == 0] = 1  # pixels that are the same in every picture
    centre, scale = float(y.mean()), float(y.std())
    ready = []
    for inputs, targets in (train, test):
        inputs, targets = (inputs - mean) / std, ((targets - centre) / scale)[:, None]
        ready.append((np.ascontiguousarray(inputs, np.float32), np.ascontiguousarray(targets, np.float32)))
    # normal equations with a column of ones; lstsq because pixels that never change make them singular
    design = [np.concatenate([a.astype(np.float64), np.ones((len(a), 1))], 1) for a, _ in ready]
    gram, right = design[0].T @ design[0], design[0].T @ ready[0][1].astype(np.float64)
    solution = np.linalg.lstsq(gram, right, rcond=1e-10)[0]
    exact = float(np.sqrt(np.mean((design[1] @ solution - ready[1][1]) ** 2))) * scale
    datasets = [TensorDataset(wrap(a), wrap(b)) for a, b in ready]
    return Task(*datasets, (x.shape[1],), None, f"{about}; all standardised", scale, centre, unit, exact)
