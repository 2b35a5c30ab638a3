"""Tokenizers, n-grams, small functions for datasets, and the BLEU score."""

from lightwell.text.data import functional, metrics, utils
from lightwell.text.data.functional import to_map_style_dataset
from lightwell.text.data.metrics import bleu_score
from lightwell.text.data.utils import get_tokenizer, interleave_keys, ngrams_iterator

__all__ = ["bleu_score", "functional", "get_tokenizer", "interleave_keys", "metrics", "ngrams_iterator", "to_map_style_dataset", "utils"]
