"""The data: its scale, its order, and the seeds of the random numbers."""

import numpy as np

from ...autograd import modes
from ...tensor import Tensor
from ...utils.data import Subset
from . import origins, source

_RECURRENT = frozenset("lstm gru rnn_tanh rnn_relu".split())
_LAYERS = frozenset("linear convolution mm addmm mv".split())


class Loader:
    """One data loader with a fixed order, as far as it was seen."""

    def __init__(self, place):
        self.place, self.labels, self.first, self.epochs, self.learned, self.batches = place, [], [], 0, 0, 0


class Data:
    """LW441-LW443."""

    def __init__(self, report, training, whole_program=False):
        self.report, self.training, self.whole_program = report, training, whole_program
        self.weights: dict = {}
        self.loaders: dict = {}
        self.fresh: set = set()  # loaders that gave a batch since the last backward
        self.targets: dict = {}  # place of the loss -> class numbers in the order of training
        self.pending = None
        from ...random import default_generator

        self._generator = default_generator

    # ---- scale ----------------------------------------------------------------------------------------------------------

    def op(self, name, args, out):
        """The first layer's input."""
        if name in _RECURRENT:
            self._recurrent(args)
            return
        if name not in _LAYERS:
            return
        x, w = (args[1], args[2]) if name == "addmm" else args[:2]
        if (
            not modes.is_grad_enabled()
            or x._rg
            or not w._rg
            or (w._node is not None and not _moved_leaf(w._node))
            or x._a.dtype.kind != "f"
        ):
            return
        seen = self.weights.get(id(w), 0)
        if seen >= 3:
            return
        self.weights[id(w)] = seen + 1
        a = x._a
        if a.ndim < 2 or not a.size:
            return
        top, low = float(a.max()), float(a.min())
        if name == "convolution" or (a.ndim == 2 and a.shape[1] >= 16):
            whole = bool((a == np.floor(a)).all())
            if low >= 0 and 30 < top <= 255 and (whole or float(a.mean()) > 50):
                self._scale(x, f"numbers from {low:.4g} to {top:.4g}", f"从 {low:.4g} 到 {top:.4g} 的数")
                return
        if a.ndim == 2 and len(a) > 1:
            size = np.sqrt((a.astype(np.float64) ** 2).mean(0))
            if size.max() > 100:
                i = int(size.argmax())
                self._scale(x, f"numbers of about {size[i]:.3g} in column {i}", f"第 {i} 列里大小约为 {size[i]:.3g} 的数")

    def _recurrent(self, args):
        """The input of a recurrent layer that learns: raw prices, counts, temperatures."""
        tensors = [t for a in args for t in (a if type(a) in (list, tuple) else (a,)) if isinstance(t, Tensor)]
        x = tensors[0]
        if x._rg or x._a.dtype.kind != "f" or not x._a.size or not any(t._rg for t in tensors[1:]) or not modes.is_grad_enabled():
            return
        size = float(np.sqrt(np.square(x._a, dtype=np.float64).mean()))
        if size > 100:
            self._scale(x, f"numbers of about {size:.3g}", f"大小约为 {size:.3g} 的数")

    def _scale(self, x, en, zh):
        place = (self.observer.model[2] if self.observer.model else None) or source.here()
        self.report.add("LW441", place, f"The network is fed {en} ({list(x.shape)}): far from mean 0 and deviation 1.",
                        f"送进网络的是{zh}（形状 {list(x.shape)}）：离均值 0、标准差 1 很远。")  # fmt: skip

    # ---- order ----------------------------------------------------------------------------------------------------------

    def batch(self, iterator, batch):
        """A loader gives a batch; None: it is through."""
        loader = iterator._loader
        if type(loader.sampler).__name__ != "SequentialSampler":
            return
        found = self.loaders.get(id(loader))
        if found is None:
            found = self.loaders[id(loader)] = Loader(source.here())
            found.loader = loader
        if batch is None:
            found.epochs += 1
            self.fresh.discard(id(loader))
            return
        found.batches += 1
        self.fresh.add(id(loader))
        if not found.epochs and type(batch) in (list, tuple) and len(batch) >= 2 and isinstance(batch[-1], Tensor):
            found.labels.append(np.array(batch[-1]._a))
            found.first.append(np.array(batch[0]._a) if isinstance(batch[0], Tensor) and batch[0]._a.size < 1e5 else None)

    def loss(self, name, x, y, kwargs, out):
        """Class numbers in the order in which they are learned."""
        if x._rg and y._a.dtype.kind in "iu" and y.ndim == 1 and y._a.size > 1:
            self.pending = (source.here(), np.array(y._a))
        elif x._rg and name.startswith("binary_cross_entropy") and _cut_from_both(y._a):
            self.pending = (source.here(), y._a.reshape(-1).astype(np.int64))

    def backward(self, roots, op, graph):
        """Something is learned from the batches since the last time."""
        for key in self.fresh:
            self.loaders[key].learned += 1
        self.fresh.clear()
        if self.pending is not None:
            place, labels = self.pending
            self.targets.setdefault(place, []).append(labels)
            if len(self.targets[place]) > 4000:
                del self.targets[place][:2000]
            self.pending = None

    def _order(self):
        for found in self.loaders.values():
            loader = found.loader
            if found.learned < 2 or found.learned * 2 < found.batches or not found.labels or _mixed(loader.dataset):
                continue
            labels = [v.argmax(1) if v.dtype.kind == "f" and one_hot(v) else v for v in found.labels]
            if any(v.ndim > 2 or (v.ndim == 2 and v.shape[1] != 1) for v in labels):
                continue
            flat = np.concatenate([v.reshape(-1) for v in labels])
            place = _made_at(loader) or found.place
            classes = flat.dtype.kind in "iub" or (len(np.unique(flat)) <= 20 and (flat == np.floor(flat)).all())
            if len(flat) < 8 or len(np.unique(flat)) < 2:
                continue
            n = len(flat)
            rising = bool((np.diff(flat.astype(np.float64)) >= 0).all() or (np.diff(flat.astype(np.float64)) <= 0).all())
            if classes and rising:
                self.report.add("LW442", place, f"The training batches come in the order of the labels: {n} examples, class by class.",
                                f"训练批量按标签顺序给出：{n} 个样本，一类接一类。")  # fmt: skip
            elif found.epochs >= 2 and (
                (classes and not _series(found))
                or (not classes and (_unrelated(flat) or _one_column(found) or rising) and not _series(found))
            ):
                self.report.add("LW442", place, f"The training batches are the same, in the same order, in each of {found.epochs} epochs.",
                                f"{found.epochs} 个周期里，训练批量每次都一样，顺序也一样。")  # fmt: skip
        for place, batches in self.targets.items():
            if len(batches) >= 4 and not self.report.has("LW442"):
                pure = sum(len(np.unique(b)) == 1 and len(b) >= 4 for b in batches)
                runs = np.concatenate(batches)
                changes = int((np.diff(runs.astype(np.int64)) != 0).sum())
                kinds = len(np.unique(runs))
                shares = np.unique(runs, return_counts=True)[1] / len(runs)
                firsts = [b[0] for b in batches]
                if kinds == 2 and int(np.not_equal(firsts[1:], firsts[:-1]).sum()) > 0.5 * len(firsts):
                    continue  # turn by turn, as the halves of a GAN
                mixed = len(runs) * (1 - float(np.square(shares).sum()))  # changes in an order by chance
                if kinds >= 2 and pure >= 0.6 * len(batches) and changes <= min(0.1 * len(runs), 0.3 * mixed) and pure >= 4:
                    self.report.add("LW442", place, f"{pure} of {len(batches)} training batches hold one class only: the examples come class by class.",
                                    f"{len(batches)} 个训练批量里有 {pure} 个只含一个类别：样本是一类接一类给出的。")  # fmt: skip

    # ---- seeds ----------------------------------------------------------------------------------------------------------

    def end(self):
        """Decide what can only be known when the program is done."""
        self._order()
        if self.whole_program and not self.observer.seeded and self.observer.drawn:
            stepped = [s for s in self.training.optimizers.values() if s.steps]
            moved = any(leaf.updates >= 2 for leaf in self.training.leaves.values())
            if stepped or moved:
                place = stepped[0].place if stepped else self.training.backward_place
                self.report.add("LW443", place, "Weights and order are drawn at random and no seed is set: each run gives other numbers.",
                                "权重和顺序都是随机的，又没有设随机种子：每次运行得到的数字都不一样。")  # fmt: skip


def _moved_leaf(node) -> bool:
    """Whether a node only turns a leaf round: weight.T in a linear layer."""
    edges = [e for e in node.edges if e is not None] if getattr(node, "record", None) is not None else []
    return len(edges) == 1 and isinstance(edges[0], Tensor) and node.record.name in origins.MOVES


def _mixed(dataset) -> bool:
    """Whether a dataset is a part of another in mixed order already."""
    if isinstance(dataset, Subset):
        order = list(dataset.indices)[:1000]
        return order != sorted(order) or _mixed(dataset.dataset)
    return False


def _cut_from_both(a) -> bool:
    """Whether labels are a piece of a longer row of 0 and 1 (and not made for the batch, as for the two halves of a GAN)."""
    whole = a
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    return 1 < a.size == len(a) < whole.size < 1e6 and set(np.unique(whole).tolist()) == {0, 1}


def one_hot(v) -> bool:
    """Whether an array's rows are classes, each as a 1 among zeros."""
    return v.ndim == 2 and v.shape[1] > 1 and bool(((v == 0) | (v == 1)).all() and (v.sum(1) == 1).all())


def _unrelated(flat) -> bool:
    """Whether neighbours in a row of numbers have nothing to do with each other."""
    v = flat.astype(np.float64)
    v = v - v.mean()
    total = (v * v).sum()
    return len(v) >= 16 and total > 0 and abs((v[1:] * v[:-1]).sum() / total) < 0.3


def _series(found) -> bool:
    """Whether the inputs look like windows of a series: what one example ends with, the next begins with, or neighbours are alike."""
    parts = [v for v in found.first if v is not None and v.ndim >= 2]
    if not parts or len({v.shape[1:] for v in parts}) > 1:
        return True
    x = np.concatenate(parts).reshape(sum(len(v) for v in parts), -1).astype(np.float64)
    if len(x) < 3 or x.shape[1] < 1:
        return True
    if x.shape[1] == 1:
        rises = np.diff(x[:, 0])
        return not ((rises > 0).all() or (rises < 0).all()) and not _unrelated(x[:, 0])
    centred = x - x.mean(0)
    ends, starts = centred[:-1, 1:].ravel(), centred[1:, :-1].ravel()
    if float(ends @ starts) > 0.6 * np.sqrt(float(ends @ ends) * float(starts @ starts)):
        return True  # each window begins with what the one before it ends with
    near, far = np.square(x[1:] - x[:-1]).mean(), 2 * x.var(0).mean()
    return bool(far > 0 and near < 0.3 * far)


def _one_column(found) -> bool:
    return all(v is not None and v.ndim == 2 and v.shape[1] == 1 for v in found.first)


def _made_at(loader):
    """Where the loader was made."""
    return origins.BORN.get(loader, (0, None))[1]
