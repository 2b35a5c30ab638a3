"""Pretrained word vectors in the text format of GloVe and word2vec: a token and its numbers on each line."""

import gzip
import os
import warnings
from functools import partial

import numpy as np

import lightwell as lw
from lightwell.errors.teaching import RuntimeError
from lightwell.text._files import fetch, member, write_whole

from ...errors.level import users_level

__all__ = ["CharNGram", "FastText", "GloVe", "Vectors", "pretrained_aliases"]


class Vectors:
    """Vectors of a file: `stoi`, `itos`, `vectors` (n, dim); unknown tokens have unk_init(zeros), zeros by default.

    `name` is a file's path, or its name in the folder `cache` (".vector_cache"); from `url`, a file or an archive with
    it, it is downloaded where it is neither. What was parsed is kept beside it for the next time. At most `max_vectors`
    are read. RuntimeError where there is no such file, or lines differ in their number of dimensions.

    >>> from lightwell.text.vocab import Vectors
    >>> import tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "v.txt")
    ...     _ = open(path, "w").write("the 1 2\\ncat 3 4\\n")
    ...     Vectors(path, cache=folder)["cat"]
    tensor([3., 4.])
    """

    def __init__(self, name, cache=None, url=None, unk_init=None, max_vectors=None):
        self.itos, self.stoi, self.vectors, self.dim = None, None, None, None
        self.unk_init = lw.Tensor.zero_ if unk_init is None else unk_init
        self.cache(name, ".vector_cache" if cache is None else cache, url=url, max_vectors=max_vectors)

    def cache(self, name, cache, url=None, max_vectors=None) -> None:
        """Load the vectors: what was parsed before, else the file, else the download."""
        cache, name = os.fspath(cache), os.fspath(name)
        path = name if os.path.isfile(name) else os.path.join(cache, name)
        kept = os.path.join(cache, os.path.basename(name)) + (f"_{max_vectors}.pt" if max_vectors else ".pt")
        fresh = os.path.isfile(kept) and not (os.path.isfile(path) and os.path.getmtime(path) > os.path.getmtime(kept))
        if fresh:
            self.itos, self.stoi, self.vectors, self.dim = lw.load(kept)
            return
        if not os.path.isfile(path) and url:
            download = fetch(url, os.path.join(cache, os.path.basename(url)))
            if download.endswith((".zip", ".tar.gz", ".tgz")):
                member(download, os.path.basename(name), path)
        if not os.path.isfile(path):
            raise RuntimeError(f"no vectors found at {path}: give a file's path, or the cache= folder that has it")
        self.itos, vectors = _parse(path, max_vectors)
        self.stoi = {token: i for i, token in enumerate(self.itos)}
        self.vectors, self.dim = lw.from_numpy(vectors), vectors.shape[1]
        write_whole(kept, lambda file: lw.save((self.itos, self.stoi, self.vectors, self.dim), file))

    def __getitem__(self, token):
        if token in self.stoi:
            return self.vectors[self.stoi[token]]
        return self.unk_init(lw.zeros(self.dim))

    def __contains__(self, token):
        return token in self.stoi

    def __len__(self):
        return len(self.vectors)

    def get_vecs_by_tokens(self, tokens, lower_case_backup: bool = False):
        """The vector of a token, or those of a list of them as rows; `lower_case_backup`: in lower case where unknown otherwise."""
        one = not isinstance(tokens, list)
        tokens = [tokens] if one else tokens
        if lower_case_backup:
            tokens = [token if token in self.stoi else token.lower() for token in tokens]
        found = lw.stack([self[token] for token in tokens])
        return found[0] if one else found


def _parse(path, max_vectors):
    """(tokens, float32 array) of a text file; a first line of two numbers is a header."""
    tokens, rows, dim = [], [], None
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        for line in file:
            word, _, numbers = line.rstrip().partition(b" ")
            count = numbers.count(b" ") + 1 if numbers else 0
            if count <= 1:
                if tokens or count == 0:
                    warnings.warn(f"{path}: skipping the token {word!r} with {count} numbers", stacklevel=users_level())
                continue
            if dim is None:
                dim = count
            elif count != dim:
                raise RuntimeError(
                    f"Vector for token {word!r} has {count} dimensions, but previously read vectors have {dim} dimensions. "
                    "All vectors must have the same number of dimensions."
                )
            try:
                token = word.decode("utf-8")
            except UnicodeDecodeError:
                continue
            tokens.append(token)
            rows.append(np.array(numbers.split(b" "), dtype=np.float32))
            if max_vectors and len(tokens) == max_vectors:
                break
    if not tokens:
        raise RuntimeError(f"{path} has no vectors: expected a token and its numbers on each line")
    return tokens, np.stack(rows)


class GloVe(Vectors):
    """Vectors of Pennington, Socher and Manning (2014): name "6B", "42B", "840B" or "twitter.27B", and dimension."""

    url = {
        "42B": "http://nlp.stanford.edu/data/glove.42B.300d.zip",
        "840B": "http://nlp.stanford.edu/data/glove.840B.300d.zip",
        "twitter.27B": "http://nlp.stanford.edu/data/glove.twitter.27B.zip",
        "6B": "http://nlp.stanford.edu/data/glove.6B.zip",
    }

    def __init__(self, name="840B", dim=300, **kwargs):
        super().__init__(f"glove.{name}.{dim}d.txt", url=self.url[name], **kwargs)


class FastText(Vectors):
    """Vectors of Bojanowski et al. (2017) for the Wikipedia of a language."""

    url_base = "https://dl.fbaipublicfiles.com/fasttext/vectors-wiki/wiki.{}.vec"

    def __init__(self, language="en", **kwargs):
        url = self.url_base.format(language)
        super().__init__(os.path.basename(url), url=url, **kwargs)


class CharNGram(Vectors):
    """Vectors of character n-grams (Hashimoto et al. 2017): a token's is the mean of its n-grams', as one row."""

    name = "charNgram.txt"
    url = "http://www.logos.t.u-tokyo.ac.jp/~hassy/publications/arxiv2016jmt/jmt_pre-trained_embeddings.tar.gz"

    def __init__(self, **kwargs):
        super().__init__(self.name, url=self.url, **kwargs)

    def __getitem__(self, token):
        vector = lw.zeros(1, self.dim)
        if token == "<unk>":
            return self.unk_init(vector)
        chars = ["#BEGIN#", *token, "#END#"]
        grams = [f"{n}gram-{''.join(chars[i : i + n])}" for n in (2, 3, 4) for i in range(len(chars) - n + 1)]
        known = [self.stoi[gram] for gram in grams if gram in self.stoi]
        return self.vectors[known].mean(0, keepdim=True) if known else self.unk_init(vector)


pretrained_aliases = {
    "charngram.100d": partial(CharNGram),
    **{f"fasttext.{language}.300d": partial(FastText, language=language) for language in ("en", "simple")},
    **{
        f"glove.{name}.{dim}d": partial(GloVe, name=name, dim=str(dim))
        for name, dims in {"42B": (300,), "840B": (300,), "twitter.27B": (25, 50, 100, 200), "6B": (50, 100, 200, 300)}.items()
        for dim in dims
    },
}
