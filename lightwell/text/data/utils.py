"""Tokenizers and n-grams."""

import builtins
import importlib
import random
import re
from functools import partial

from lightwell.errors.teaching import ImportError, ValueError

__all__ = ["RandomShuffler", "get_tokenizer", "interleave_keys", "ngrams_iterator"]

# what "basic_english" does after lowering the case: each pattern in turn, replaced
_BASIC = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"'", " '  "), (r'"', ""), (r"\.", " . "), (r"<br />", " "), (r",", " , "), (r"\(", " ( "), (r"\)", " ) "), (r"!", " ! "),
        (r"\?", " ? "), (r";", " "), (r":", " "), (r"\s+", " "),
    )
]  # fmt: skip


def _split(line: str) -> list:
    return line.split()


def _basic_english(line: str) -> list:
    line = line.lower()
    for pattern, by in _BASIC:
        line = pattern.sub(by, line)
    return line.split()


def _spacy(line: str, language) -> list:
    return [token.text for token in language.tokenizer(line)]


def _needed(library: str, why: str):
    try:
        return importlib.import_module(library)
    except builtins.ImportError as error:
        raise ImportError(f"get_tokenizer({why!r}) needs {library}: pip install {library.split('.')[0]}") from error


def get_tokenizer(tokenizer, language: str = "en"):
    """A function from a line to its list of tokens.

    `tokenizer` is None (split at white space), "basic_english" (lower case, punctuation apart), a function (returned as
    it is), or the name of a library's: "spacy" (with `language`, a model's name), "moses", "toktok", "revtok",
    "subword". ImportError where the library is missing, ValueError for another name.

    >>> from lightwell.text.data.utils import get_tokenizer
    >>> get_tokenizer("basic_english")("You can now install TorchText using pip!")
    ['you', 'can', 'now', 'install', 'torchtext', 'using', 'pip', '!']
    """
    if tokenizer is None:
        return _split
    if callable(tokenizer):
        return tokenizer
    if tokenizer == "basic_english":
        if language != "en":
            raise ValueError(f"Basic normalization is only available for English (en), not {language!r}")
        return _basic_english
    if tokenizer == "spacy":
        spacy = _needed("spacy", "spacy")
        try:
            return partial(_spacy, language=spacy.load(language))
        except OSError as error:
            raise ImportError(f"spaCy has no model {language!r}: python -m spacy download {language}") from error
    if tokenizer == "moses":
        return _needed("sacremoses", "moses").MosesTokenizer().tokenize
    if tokenizer == "toktok":
        return _needed("nltk.tokenize.toktok", "toktok").ToktokTokenizer().tokenize
    if tokenizer in ("revtok", "subword"):
        revtok = _needed("revtok", tokenizer)
        return revtok.tokenize if tokenizer == "revtok" else partial(revtok.tokenize, decap=True)
    raise ValueError(
        f"Requested tokenizer {tokenizer}, valid choices are a callable that takes a single string as input, 'basic_english', "
        "'spacy', 'moses', 'toktok', 'revtok' and 'subword'."
    )


def ngrams_iterator(token_list, ngrams: int):
    """The tokens, then the pairs of neighbours, and so on up to `ngrams` of them, joined by spaces.

    >>> from lightwell.text.data.utils import ngrams_iterator
    >>> list(ngrams_iterator(["here", "we", "are"], 2))
    ['here', 'we', 'are', 'here we', 'we are']
    """
    yield from token_list
    for n in range(2, ngrams + 1):
        for gram in zip(*(token_list[i:] for i in range(n))):
            yield " ".join(gram)


def interleave_keys(a: int, b: int) -> int:
    """A sort key that brings together examples alike in both lengths: the bits of both in turn (Morton's order).

    >>> from lightwell.text.data.utils import interleave_keys
    >>> interleave_keys(3, 0)
    10
    """
    return int("".join(x + y for x, y in zip(format(a, "016b"), format(b, "016b"))), 2)


class RandomShuffler:
    """Shuffles with a random state of its own, so that an order can be had again."""

    def __init__(self, random_state=None):
        self._random = random.Random()
        self._random.setstate(random.getstate() if random_state is None else random_state)

    @property
    def random_state(self):
        """The state before the next shuffle."""
        return self._random.getstate()

    @random_state.setter
    def random_state(self, state):
        self._random.setstate(state)

    def __call__(self, data) -> list:
        """A new list in random order."""
        return self._random.sample(list(data), len(data))
