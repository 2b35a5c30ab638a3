"""Natural language inference: does a sentence follow from another (Bowman et al. 2015; Williams et al. 2018)."""

from lightwell.text.legacy import data

__all__ = ["MultiNLI", "SNLI"]


class _NLI(data.TabularDataset):
    """Pairs with columns premise, hypothesis and label; those without a label are left out."""

    @staticmethod
    def sort_key(ex):
        return data.interleave_keys(len(ex.premise), len(ex.hypothesis))

    @classmethod
    def _splits(cls, text_field, label_field, parse_field, extra, root, train, validation, test):
        fields = {"gold_label": ("label", label_field)}
        for key, name in (("sentence1", "premise"), ("sentence2", "hypothesis")):
            if parse_field is None:
                fields[key] = (name, text_field)
            else:
                fields[key + "_binary_parse"] = [(name, text_field), (name + "_transitions", parse_field)]
        return super().splits(
            None, root, train, validation, test, format="json", fields={**fields, **extra}, filter_pred=lambda ex: ex.label != "-"
        )

    @classmethod
    def iters(cls, batch_size=32, device=None, root=".data", vectors=None, **kwargs):
        """Iterators over train, validation and test, with fields (spaCy's tokenizer) and vocabularies."""
        text, label = data.Field(tokenize="spacy", tokenizer_language="en_core_web_sm"), data.Field(sequential=False)
        parts = cls.splits(text, label, root=root, **kwargs)
        text.build_vocab(parts[0], vectors=vectors)
        label.build_vocab(parts[0])
        return data.BucketIterator.splits(parts, batch_size=batch_size, device=device)


class SNLI(_NLI):
    """Stanford's corpus, from snli_1.0/snli_1.0_train.jsonl and so on below `root`."""

    urls = ["http://nlp.stanford.edu/projects/snli/snli_1.0.zip"]
    dirname, name = "snli_1.0", "snli"

    @classmethod
    def splits(
        cls,
        text_field,
        label_field,
        parse_field=None,
        root=".data",
        train="snli_1.0_train.jsonl",
        validation="snli_1.0_dev.jsonl",
        test="snli_1.0_test.jsonl",
    ):
        """(train, validation, test)."""
        return cls._splits(text_field, label_field, parse_field, {}, root, train, validation, test)


class MultiNLI(_NLI):
    """The corpus of many genres, from multinli_1.0/multinli_1.0_train.jsonl and so on below `root`."""

    urls = ["http://www.nyu.edu/projects/bowman/multinli/multinli_1.0.zip"]
    dirname, name = "multinli_1.0", "multinli"

    @classmethod
    def splits(
        cls,
        text_field,
        label_field,
        parse_field=None,
        genre_field=None,
        root=".data",
        train="multinli_1.0_train.jsonl",
        validation="multinli_1.0_dev_matched.jsonl",
        test="multinli_1.0_dev_mismatched.jsonl",
    ):
        """(train, validation, test), with the column genre where a field for it is given."""
        extra = {} if genre_field is None else {"genre": ("genre", genre_field)}
        return cls._splits(text_field, label_field, parse_field, extra, root, train, validation, test)
