"""Vocabularies, the classic ones of Counters and the new ones of factory functions, and pretrained word vectors."""

from lightwell.text.vocab._vocab import Vocab, build_vocab_from_iterator, vocab
from lightwell.text.vocab.vectors import CharNGram, FastText, GloVe, Vectors, pretrained_aliases

__all__ = ["CharNGram", "FastText", "GloVe", "Vectors", "Vocab", "build_vocab_from_iterator", "pretrained_aliases", "vocab"]
