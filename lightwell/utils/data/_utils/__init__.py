"""The parts behind the DataLoader: collation, fetching, worker processes and the channel between them."""

from lightwell.utils.data._utils import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
