"""Datasets of examples: SNLI, MultiNLI, Multi30k, IMDB."""

from lightwell.text.legacy.datasets.imdb import IMDB
from lightwell.text.legacy.datasets.nli import SNLI, MultiNLI
from lightwell.text.legacy.datasets.translation import Multi30k, TranslationDataset

__all__ = ["IMDB", "Multi30k", "MultiNLI", "SNLI", "TranslationDataset"]
