"""Measures of generated text."""

import math
from collections import Counter

from lightwell.errors.teaching import AssertionError

__all__ = ["bleu_score"]


def _grams(tokens, n):
    """All runs of 1 to n tokens, counted."""
    return Counter(tuple(tokens[i : i + k]) for k in range(1, n + 1) for i in range(len(tokens) - k + 1))


def bleu_score(candidate_corpus, references_corpus, max_n: int = 4, weights=(0.25,) * 4) -> float:
    """BLEU of translations against several references each: min(1, e^(1-r/c)) · exp(Σ wₙ log pₙ), of the whole corpus.

    pₙ is the share of n-grams that stand in a reference, c the candidates' length, r that of the nearest references.
    Papineni et al. (2002).

    >>> from lightwell.text.data.metrics import bleu_score
    >>> round(bleu_score([["My", "full", "pytorch", "test"]], [[["My", "full", "pytorch", "test"], ["Completely", "Different"]]]), 4)
    1.0
    """
    if max_n != len(weights):
        raise AssertionError(f"Length of the `weights` list has to be equal to max_n: {len(weights)}, {max_n}")
    if len(candidate_corpus) != len(references_corpus):
        raise AssertionError(
            f"The length of candidate and reference corpus should be the same: {len(candidate_corpus)}, {len(references_corpus)}"
        )
    hits, totals, length, nearest = [0] * max_n, [0] * max_n, 0, 0
    for candidate, references in zip(candidate_corpus, references_corpus):
        length += len(candidate)
        nearest += min((len(r) for r in references), key=lambda n: abs(len(candidate) - n))
        allowed: Counter = Counter()
        for reference in references:
            allowed |= _grams(reference, max_n)
        for gram, count in (_grams(candidate, max_n) & allowed).items():
            hits[len(gram) - 1] += count
        for n in range(max_n):
            totals[n] += max(len(candidate) - n, 0)
    if min(hits) == 0:
        return 0.0
    mean = math.exp(sum(w * math.log(h / t) for w, h, t in zip(weights, hits, totals)))
    return mean * min(1.0, math.exp(1 - nearest / length))
