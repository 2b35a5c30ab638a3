"""Text datasets as iterables that can be read again and again; each in the module of its name, with its URL and MD5 tables."""

from lightwell.text.datasets import ag_news, imdb, multi30k, penntreebank, wikitext2, wikitext103
from lightwell.text.datasets.ag_news import AG_NEWS
from lightwell.text.datasets.imdb import IMDB
from lightwell.text.datasets.multi30k import Multi30k
from lightwell.text.datasets.penntreebank import PennTreebank
from lightwell.text.datasets.wikitext2 import WikiText2
from lightwell.text.datasets.wikitext103 import WikiText103

__all__ = [
    "AG_NEWS", "IMDB", "Multi30k", "PennTreebank", "WikiText2", "WikiText103", "ag_news", "imdb", "multi30k", "penntreebank",
    "wikitext2", "wikitext103",
]  # fmt: skip
