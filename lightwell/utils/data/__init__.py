"""Datasets, samplers and the DataLoader that turns them into batches, under PyTorch's names."""

from lightwell.utils.data import _utils, dataloader, dataset, distributed, sampler
from lightwell.utils.data._utils.collate import default_collate, default_convert
from lightwell.utils.data._utils.worker import get_worker_info
from lightwell.utils.data.dataloader import DataLoader, _DatasetKind
from lightwell.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from lightwell.utils.data.distributed import DistributedSampler
from lightwell.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "_DatasetKind",
    "_utils",
    "dataloader",
    "dataset",
    "default_collate",
    "default_convert",
    "distributed",
    "get_worker_info",
    "random_split",
    "sampler",
]
