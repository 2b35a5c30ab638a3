"""Iterators: batches of examples, alike in length where that saves padding."""

import math

import lightwell as lw
from lightwell.errors.teaching import NotImplementedError
from lightwell.text.data.utils import RandomShuffler
from lightwell.text.legacy.data.dataset import Dataset

__all__ = ["BPTTIterator", "Batch", "BucketIterator", "Iterator", "batch", "pool"]


class Batch:
    """The columns of a list of examples, each as its field makes it; `batch_size` of them."""

    def __init__(self, data=None, dataset=None, device=None):
        if data is None:
            return
        self._start(dataset, len(data))
        for name, field in dataset.fields.items():
            if field is not None:
                column = [getattr(example, name) for example in data]
                setattr(self, name, field.process(column, device=device))

    def _start(self, dataset, batch_size):
        self.dataset, self.batch_size = dataset, batch_size
        self.fields = dataset.fields.keys()
        self.input_fields = [name for name, field in dataset.fields.items() if field is not None and not field.is_target]
        self.target_fields = [name for name, field in dataset.fields.items() if field is not None and field.is_target]

    @classmethod
    def fromvars(cls, dataset, batch_size, train=None, **kwargs):
        """A batch of the columns given."""
        new = cls()
        new._start(dataset, batch_size)
        new.__dict__.update(kwargs)
        return new

    def _columns(self, names):
        values = tuple(getattr(self, name) for name in names)
        return values[0] if len(values) == 1 else values or None

    def __iter__(self):
        yield self._columns(self.input_fields)
        yield self._columns(self.target_fields)

    def __len__(self):
        return self.batch_size

    def __repr__(self):
        columns = [f"\t[.{name}]:{list(getattr(self, name).shape)}" for name in self.fields if hasattr(getattr(self, name, None), "shape")]
        return "\n".join([f"[{type(self).__name__} of size {self.batch_size}]", *columns])


class Iterator:
    """Batches of a dataset: shuffled anew each epoch for training, sorted by `sort_key` otherwise.

    `batch_size_fn(example, count, so far)` gives a batch's size where that is not the number of its examples; `repeat`
    goes on for ever.
    """

    def __init__(
        self,
        dataset,
        batch_size,
        sort_key=None,
        device=None,
        batch_size_fn=None,
        train=True,
        repeat=False,
        shuffle=None,
        sort=None,
        sort_within_batch=None,
    ):
        self.dataset, self.batch_size, self.batch_size_fn = dataset, batch_size, batch_size_fn
        self.train, self.repeat, self.iterations = train, repeat, 0
        self.shuffle = train if shuffle is None else shuffle
        self.sort = not train if sort is None else sort
        self.sort_within_batch = self.sort if sort_within_batch is None else sort_within_batch
        self.sort_key = dataset.sort_key if sort_key is None else sort_key
        self.device = lw.device("cpu" if device is None or isinstance(device, int) else device)
        self.random_shuffler = RandomShuffler()
        self._iterations_this_epoch, self._random_state_this_epoch, self._restored = 0, None, False

    @classmethod
    def splits(cls, datasets, batch_sizes=None, **kwargs):
        """An iterator for each dataset, the first for training."""
        if batch_sizes is None:
            batch_sizes = [kwargs.pop("batch_size")] * len(datasets)
        return tuple(cls(d, batch_size=n, train=i == 0, **kwargs) for i, (d, n) in enumerate(zip(datasets, batch_sizes)))

    def data(self):
        """The examples in this epoch's order."""
        if self.sort:
            return sorted(self.dataset, key=self.sort_key)
        return self.random_shuffler(list(self.dataset)) if self.shuffle else self.dataset

    def init_epoch(self):
        """Begin an epoch: a new order."""
        if self._restored:
            self.random_shuffler.random_state = self._random_state_this_epoch
        else:
            self._random_state_this_epoch, self._iterations_this_epoch = self.random_shuffler.random_state, 0
        self._restored = False
        self.create_batches()
        if not self.repeat:
            self.iterations = 0

    def create_batches(self):
        """Make `batches`."""
        self.batches = batch(self.data(), self.batch_size, self.batch_size_fn)

    @property
    def epoch(self):
        """How many epochs are over."""
        return self.iterations // len(self)

    def __len__(self):
        if self.batch_size_fn is not None:
            raise NotImplementedError("the number of batches is not known with a batch_size_fn")
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self):
        while True:
            self.init_epoch()
            for i, examples in enumerate(self.batches):
                if i < self._iterations_this_epoch:
                    continue  # seen before the state was saved
                self.iterations += 1
                self._iterations_this_epoch += 1
                if self.sort_within_batch:  # longest first, as packed sequences want it
                    examples = examples[::-1] if self.sort else sorted(examples, key=self.sort_key, reverse=True)
                yield Batch(examples, self.dataset, self.device)
            if not self.repeat:
                return

    def state_dict(self):
        """Where it stands."""
        return {
            "iterations": self.iterations,
            "iterations_this_epoch": self._iterations_this_epoch,
            "random_state_this_epoch": self._random_state_this_epoch,
        }

    def load_state_dict(self, state_dict):
        """Go on from there."""
        self.iterations, self._iterations_this_epoch = state_dict["iterations"], state_dict["iterations_this_epoch"]
        self._random_state_this_epoch, self._restored = state_dict["random_state_this_epoch"], True


class BucketIterator(Iterator):
    """Batches of examples alike in length: sorted within pools of 100 batches, whose batches are then shuffled."""

    def create_batches(self):
        if self.sort:
            super().create_batches()
        else:
            self.batches = pool(
                self.data(), self.batch_size, self.sort_key, self.batch_size_fn, self.random_shuffler, self.shuffle, self.sort_within_batch
            )


class BPTTIterator(Iterator):
    """Pieces of `bptt_len` of one long text in `batch_size` columns, with the `target` one step further on."""

    def __init__(self, dataset, batch_size, bptt_len, **kwargs):
        self.bptt_len = bptt_len
        super().__init__(dataset, batch_size, **kwargs)

    def __len__(self):
        return math.ceil((len(self.dataset[0].text) / self.batch_size - 1) / self.bptt_len)

    def __iter__(self):
        field, text = self.dataset.fields["text"], self.dataset[0].text
        text = text + [field.pad_token] * (-len(text) % self.batch_size)
        numbers = lw.tensor([field.vocab.stoi[token] for token in text], dtype=field.dtype, device=self.device)
        columns = numbers.view(self.batch_size, -1).t().contiguous()
        dataset = Dataset(self.dataset.examples, [("text", field), ("target", field)])
        while True:
            for i in range(0, len(self) * self.bptt_len, self.bptt_len):
                self.iterations += 1
                length = min(self.bptt_len, len(columns) - i - 1)
                pieces = columns[i : i + length], columns[i + 1 : i + 1 + length]
                now, then = (piece.t().contiguous() for piece in pieces) if field.batch_first else pieces
                yield Batch.fromvars(dataset, self.batch_size, text=now, target=then)
            if not self.repeat:
                return


def batch(data, batch_size, batch_size_fn=None):
    """Lists of examples of `batch_size` (as `batch_size_fn` counts) each."""
    size_of = batch_size_fn or (lambda example, count, sofar: count)
    examples, size = [], 0
    for example in data:
        examples.append(example)
        size = size_of(example, len(examples), size)
        if size == batch_size:
            yield examples
            examples, size = [], 0
        elif size > batch_size:
            yield examples[:-1]
            examples, size = examples[-1:], size_of(example, 1, 0)
    if examples:
        yield examples


def pool(data, batch_size, key, batch_size_fn=None, random_shuffler=None, shuffle=False, sort_within_batch=False):
    """Batches out of pools of 100 batches' size, sorted within the pool where asked; the pool's batches shuffled."""
    shuffler = random_shuffler or RandomShuffler()
    for chunk in batch(data, batch_size * 100, batch_size_fn):
        batches = list(batch(sorted(chunk, key=key) if sort_within_batch else chunk, batch_size, batch_size_fn))
        yield from shuffler(batches) if shuffle else batches
