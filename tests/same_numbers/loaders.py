"""DataLoader in all its ways: shuffling, workers, samplers, collating, splits, iterable data; a pipeline of image transforms."""

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler, ConcatDataset, DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler, Subset,
    SubsetRandomSampler, TensorDataset, WeightedRandomSampler, default_collate, get_worker_info, random_split,
)


class Squares(Dataset):
    def __init__(self, n, noisy=False):
        self.n, self.noisy = n, noisy

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        noise = torch.rand(()).item() if self.noisy else 0.0
        return {"x": torch.tensor([i, i * i], dtype=torch.float32), "y": i % 3, "noise": noise, "name": f"n{i}"}


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        yield from range(first, 10, step)


class Resize:
    """Nearest-neighbour scaling of an H x W x C array."""

    def __init__(self, side):
        self.side = side

    def __call__(self, image):
        rows = np.arange(self.side) * image.shape[0] // self.side
        cols = np.arange(self.side) * image.shape[1] // self.side
        return image[rows][:, cols]


class ToTensor:
    def __call__(self, image):
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float().div(255)


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = torch.tensor(mean).view(-1, 1, 1), torch.tensor(std).view(-1, 1, 1)

    def __call__(self, x):
        return (x - self.mean) / self.std


class RandomFlip:
    def __call__(self, x):
        return x.flip(-1) if torch.rand(1) < 0.5 else x


class RandomCrop:
    def __init__(self, side, padding):
        self.side, self.padding = side, padding

    def __call__(self, x):
        x = torch.nn.functional.pad(x, [self.padding] * 4, mode="reflect")
        top = torch.randint(0, x.shape[-2] - self.side + 1, (1,)).item()
        left = int(torch.randint(0, x.shape[-1] - self.side + 1, (1,)))
        return x[..., top : top + self.side, left : left + self.side]


class Compose:
    def __init__(self, steps):
        self.steps = steps

    def __call__(self, x):
        for step in self.steps:
            x = step(x)
        return x


class Pictures(Dataset):
    def __init__(self, transform):
        rng = np.random.default_rng(5)
        self.data = rng.integers(0, 256, (30, 12, 12, 3), dtype=np.uint8)
        self.targets = torch.as_tensor(rng.integers(0, 4, 30))
        self.transform = transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        return self.transform(self.data[i]), self.targets[i]


def start(worker):
    np.random.seed(worker)


if __name__ == "__main__":
    torch.manual_seed(13)
    for batch in DataLoader(Squares(7), batch_size=3, shuffle=True):
        print(batch["x"].tolist(), batch["y"], batch["noise"], batch["name"])
    print([b["y"].tolist() for b in DataLoader(Squares(7), 3, drop_last=True)])

    g = torch.Generator().manual_seed(1)
    train, valid = random_split(Squares(20), [15, 5], generator=g)
    print(len(train), valid.indices, [len(part) for part in random_split(range(11), [0.5, 0.3, 0.2], generator=g)])
    print(list(RandomSampler(range(6), generator=g)), list(RandomSampler(range(4), replacement=True, num_samples=6, generator=g)))
    print(list(WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 5, replacement=True)))
    print(list(WeightedRandomSampler([0.9, 0.4, 0.05, 0.2, 0.3, 0.1], 5, replacement=False)))
    print(list(BatchSampler(SequentialSampler(range(7)), batch_size=3, drop_last=False)), list(SubsetRandomSampler([3, 1, 8])))

    for workers in (0, 2):
        torch.manual_seed(3)
        loader = DataLoader(Squares(9, noisy=True), 4, shuffle=True, num_workers=workers, worker_init_fn=start)
        for epoch in range(2):
            print(workers, [[f"{v:.4f}" for v in b["noise"].tolist()] for b in loader], [b["y"].tolist() for b in loader])
    print([b.tolist() for b in DataLoader(Stream(), 4)], [b.tolist() for b in DataLoader(Stream(), 2, num_workers=2)])
    keeping = DataLoader(Squares(8), 2, num_workers=1, persistent_workers=True, prefetch_factor=3)
    print([[b["x"].sum().item() for b in keeping] for _ in range(2)])

    def pad(rows):
        xs, ys = zip(*[(torch.arange(r["y"] + 1), r["y"]) for r in rows])
        return torch.nn.utils.rnn.pad_sequence(xs, batch_first=True, padding_value=-1), torch.tensor(ys)

    for x, y in DataLoader(Subset(Squares(9), [0, 2, 4, 5]), 2, collate_fn=pad):
        print(x, y)
    joined = ConcatDataset([TensorDataset(torch.arange(3), torch.ones(3)), TensorDataset(torch.arange(2) + 10, torch.zeros(2))])
    print(len(joined), joined[3], list(DataLoader(joined, sampler=[4, 0, 2], batch_size=None)))
    print(default_collate([(1, 2.5, "a", np.float32(3)), (4, 5.5, "b", np.float32(6))]))

    torch.manual_seed(17)
    steps = Compose([Resize(8), ToTensor(), Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4]), RandomFlip(), RandomCrop(8, 2)])
    pictures = Pictures(steps)
    weights = 1.0 / torch.bincount(pictures.targets).float()[pictures.targets]
    loader = DataLoader(pictures, 6, sampler=WeightedRandomSampler(weights, 18))
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 4))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for epoch in range(17):
        for step, (x, y) in enumerate(loader):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            print(f"Epoch: {epoch} [{step * 6:3d}/{len(loader.dataset)} ({100.0 * step / len(loader):.0f}%)]\tLoss: {loss.item():.4f}\tmean {x.mean():.4f}")
