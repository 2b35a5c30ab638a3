"""Tokenizers, transforms, datasets from local folders and downloads, and the old fields and iterators."""

import csv
import hashlib
import json
import pickle
import random
import sys
import tarfile
import zipfile

import pytest

import lightwell as lw
from lightwell.text import datasets, transforms
from lightwell.text.data import bleu_score, functional, get_tokenizer, interleave_keys, ngrams_iterator
from lightwell.text.legacy import data
from lightwell.text.legacy import datasets as legacy
from lightwell.text.vocab import build_vocab_from_iterator


def test_tokenizers():
    basic = get_tokenizer("basic_english")
    assert basic('Don\'t "stop", (please)!<br />OK; yes: 3.5?') == [
        "don", "'", "t", "stop", ",", "(", "please", ")", "!", "ok", "yes", "3", ".", "5", "?",
    ]  # fmt: skip
    assert get_tokenizer(None)("a  b\n") == ["a", "b"] and get_tokenizer(str.upper)("a") == "A"
    with pytest.raises(ValueError, match="only available for English"):
        get_tokenizer("basic_english", "de")
    with pytest.raises(ValueError, match="valid choices"):
        get_tokenizer("other")
    pickle.loads(pickle.dumps(basic))
    assert list(ngrams_iterator(["a", "b", "c"], 3)) == ["a", "b", "c", "a b", "b c", "a b c"]
    assert interleave_keys(1, 2) == 6


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ImportError, match=r"needs spacy: pip install spacy"):
        get_tokenizer("spacy", "en_core_web_sm")
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    with pytest.raises(ImportError, match="pip install sacremoses"):
        get_tokenizer("moses")


def test_functional_and_bleu():
    rows = functional.to_map_style_dataset(iter(["a b", "c"]))
    assert len(rows) == 2 and rows[1] == "c"
    assert list(functional.simple_space_split(rows)) == [["a", "b"], ["c"]]
    v = build_vocab_from_iterator([["a", "b"]])
    assert [list(x) for x in functional.numericalize_tokens_from_iterator(v, [["b", "a"]], ["a"])] == [[1]]
    candidate = [["My", "full", "pytorch", "test"], ["Another", "Sentence"]]
    references = [[["My", "full", "pytorch", "test"], ["Completely", "Different"]], [["No", "Match"]]]
    assert bleu_score(candidate, references) == pytest.approx(0.8408964276313782)  # torchtext's example
    assert bleu_score([["a"]], [[["b"]]]) == 0.0


def test_transforms():
    v = build_vocab_from_iterator([["a", "b", "c"]], specials=["<pad>", "<s>"])
    chain = transforms.Sequential(
        transforms.Truncate(2), transforms.AddToken("<s>"), transforms.VocabTransform(v), transforms.ToTensor(padding_value=0)
    )
    assert chain([["c", "b", "a"], ["a"]]).tolist() == [[1, 4, 3], [1, 2, 0]]
    assert chain(["a"]).tolist() == [1, 2]
    assert transforms.PadTransform(4, 9)(lw.tensor([[1, 2]])).tolist() == [[1, 2, 9, 9]]
    assert transforms.AddToken(5, begin=False)([1, 2]) == [1, 2, 5]
    assert transforms.StrToIntTransform()([["1", "2"]]) == [[1, 2]]
    assert transforms.LabelToIndex(["b", "a"], sort_names=True)(["b", "a"]) == [1, 0]
    with pytest.raises(TypeError, match="padding_value"):
        transforms.ToTensor()([[1], [1, 2]])


# ---- datasets --------------------------------------------------------------------------------------------------------


def pack(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            source = path.parent / "member"
            source.write_text(text, encoding="utf-8")
            archive.add(source, name)
            source.unlink()


def test_multi30k_is_downloaded_checked_and_read(served, tmp_path, monkeypatch):
    folder, address = served
    pack(folder / "training.tar.gz", {"train.de": "Zwei Männer.\nEin Hund.\n", "train.en": "Two men.\nA dog.\n"})
    monkeypatch.setitem(datasets.multi30k.URL, "train", f"{address}/training.tar.gz")
    with pytest.raises(RuntimeError, match="wrong checksum"):
        list(datasets.Multi30k(root=tmp_path, split="train"))
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob("training.tar.gz"))[1:]
    right = hashlib.sha256((folder / "training.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setitem(datasets.multi30k.MD5, "train", right)
    pairs = datasets.Multi30k(root=tmp_path, split="train", language_pair=("en", "de"))
    assert list(pairs) == [("Two men.", "Zwei Männer."), ("A dog.", "Ein Hund.")]
    (folder / "training.tar.gz").unlink()
    assert list(pairs) == list(pairs) and next(iter(pairs.map(len))) == 2
    loader = lw.utils.data.DataLoader(pairs, batch_size=2, collate_fn=list)
    assert len(next(iter(loader))) == 2
    with pytest.raises(AssertionError, match="language_pair"):
        datasets.Multi30k(root=tmp_path, language_pair=("fr", "en"))
    with pytest.raises(ValueError, match="split 'dev'"):
        datasets.Multi30k(root=tmp_path, split="dev")


def test_datasets_from_a_local_folder(tmp_path):
    with open(tmp_path / "train.csv", "w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["3", "Title", 'Some "text"'], ["1", "Other", "more"]])
    assert list(datasets.AG_NEWS(tmp_path, "train")) == [(3, 'Title Some "text"'), (1, "Other more")]
    (tmp_path / "ptb.valid.txt").write_text(" the cat \n on <unk> \n")
    assert list(datasets.PennTreebank(tmp_path, split="valid")) == ["the cat", "on <unk>"]
    wiki = tmp_path / "datasets" / "WikiText2" / "wikitext-2"
    wiki.mkdir(parents=True)
    (wiki / "wiki.test.tokens").write_text(" \n = A = \n")
    assert list(datasets.WikiText2(tmp_path, "test")) == [" \n", " = A = \n"]
    for split, label, text in (("train", "neg", "bad"), ("train", "pos", "good"), ("test", "neg", "dull"), ("test", "pos", "fine")):
        review = tmp_path / "aclImdb" / split / label / "0_1.txt"
        review.parent.mkdir(parents=True)
        review.write_text(text)
    train, test = datasets.IMDB(root=tmp_path)
    assert list(train) == [(1, "bad"), (2, "good")] and [text for _, text in test] == ["dull", "fine"]
    assert list(train.filter(lambda row: row[0] == 2)) == [(2, "good")]
    old_train, old_test = legacy.IMDB.splits(data.Field(), data.LabelField(), root=tmp_path)
    assert [(e.text, e.label) for e in old_train] == [(["good"], "pos"), (["bad"], "neg")] and len(old_test) == 2


def test_wikitext_out_of_its_archive(served, tmp_path, monkeypatch):
    folder, address = served
    with zipfile.ZipFile(folder / "wikitext-103-v1.zip", "w") as archive:
        archive.writestr("wikitext-103/wiki.valid.tokens", "a b\n")
    monkeypatch.setattr(datasets.wikitext103, "URL", f"{address}/wikitext-103-v1.zip")
    monkeypatch.setattr(datasets.wikitext103, "MD5", hashlib.md5((folder / "wikitext-103-v1.zip").read_bytes()).hexdigest())
    monkeypatch.setenv("LIGHTWELL_DATA", str(tmp_path / "home"))
    assert list(datasets.WikiText103(split="valid")) == ["a b\n"]
    assert (tmp_path / "home" / "datasets" / "WikiText103" / "wikitext-103" / "wiki.valid.tokens").exists()
    with pytest.raises(RuntimeError, match="has no file"):
        list(datasets.WikiText103(split="test"))


# ---- legacy ----------------------------------------------------------------------------------------------------------


def snli(root):
    folder = root / "snli_1.0"
    folder.mkdir()
    rows = [
        ("A man runs", "A man moves", "entailment"),
        ("A dog", "No dog is here today", "contradiction"),
        ("x", "y", "-"),
        ("Cats", "Big cats", "neutral"),
    ]
    for part in ("train", "dev", "test"):
        lines = [json.dumps({"sentence1": a, "sentence2": b, "gold_label": label}) for a, b, label in rows]
        (folder / f"snli_1.0_{part}.jsonl").write_text("\n".join(lines) + "\n")


def test_snli_as_the_example_uses_it(tmp_path):
    snli(tmp_path)
    inputs, answers = data.Field(lower=True), data.Field(sequential=False)
    train, dev, test = legacy.SNLI.splits(inputs, answers, root=tmp_path)
    assert len(train) == len(dev) == len(test) == 3
    inputs.build_vocab(train, dev, test)
    answers.build_vocab(train)
    assert inputs.vocab.itos[:3] == ["<unk>", "<pad>", "a"] and len(answers.vocab) == 4
    random.seed(0)
    train_iter, dev_iter, _ = data.BucketIterator.splits((train, dev, test), batch_size=2, device="cpu")
    train_iter.init_epoch()
    batches = list(train_iter)
    assert len(train_iter) == len(batches) == 2 and sum(b.batch_size for b in batches) == 3
    assert batches[0].premise.dim() == 2 and batches[0].label.dtype == lw.long and batches[0].label.min() >= 1
    lengths = [b.hypothesis.shape[0] for b in dev_iter]
    assert lengths == sorted(lengths)  # alike in length, shortest first
    inputs.vocab.vectors = lw.randn(len(inputs.vocab), 4)
    assert lw.nn.Embedding(len(inputs.vocab), 4)(batches[0].premise).shape[-1] == 4
    assert "[.premise]" in repr(batches[0])


def test_fields():
    field = data.Field(init_token="<s>", eos_token="</s>", include_lengths=True, batch_first=True, stop_words=["the"])
    rows = [field.preprocess(text) for text in ("the cat sat\n", "a")]
    assert rows == [["cat", "sat"], ["a"]]
    field.build_vocab(rows, specials=["<x>"])
    assert field.vocab.itos == ["<unk>", "<pad>", "<s>", "</s>", "<x>", "a", "cat", "sat"]
    tensor, lengths = field.process(rows)
    assert tensor.tolist() == [[2, 6, 7, 3], [2, 5, 3, 1]] and lengths.tolist() == [4, 3]
    fixed = data.Field(fix_length=2, pad_first=True, truncate_first=True, use_vocab=True)
    assert fixed.pad([["a", "b", "c"], ["d"]]) == [["b", "c"], ["<pad>", "d"]]
    number = data.Field(sequential=False, use_vocab=False, dtype=lw.float32)
    assert number.process(["1.5", 2]).tolist() == [1.5, 2.0]
    assert data.RawField(postprocessing=len).process([1, 2]) == 2
    with pytest.raises(ValueError, match="not a tuple"):
        field.numericalize([["a"]])
    with pytest.raises(ValueError, match="Stop words"):
        data.Field(stop_words=3)
    again = pickle.loads(pickle.dumps(field))
    assert again.process(rows)[0].tolist() == tensor.tolist()


def test_tabular_datasets(tmp_path):
    text, label = data.Field(), data.LabelField()
    (tmp_path / "a.csv").write_text('text,label\n"a b, c",x\nd,y\n')
    by_order = data.TabularDataset(tmp_path / "a.csv", "csv", [("text", text), ("label", label)], skip_header=True)
    by_name = data.TabularDataset(tmp_path / "a.csv", "CSV", {"label": ("kind", label), "text": ("words", text)})
    assert [e.text for e in by_order] == [["a", "b,", "c"], ["d"]] and [e.kind for e in by_name] == ["x", "y"]
    (tmp_path / "a.tsv").write_text("a b\tignored\tx\n")
    assert vars(data.TabularDataset(tmp_path / "a.tsv", "tsv", [("text", text), (None, None), ("label", label)])[0]) == {
        "text": ["a", "b"],
        "label": "x",
    }
    label.build_vocab(by_order)
    assert label.vocab.itos == ["x", "y"] and list(by_order.label) == ["x", "y"]
    with pytest.raises(ValueError, match="key foo was not found"):
        data.Example.fromJSON('{"text": "a"}', {"foo": ("foo", text)})
    with pytest.raises(ValueError, match="format"):
        data.TabularDataset(tmp_path / "a.csv", "xml", [])
    with pytest.raises(AttributeError, match="no attribute"):
        _ = by_order.other


def test_splitting_and_iterating():
    text, label = data.Field(), data.LabelField()
    fields = [("text", text), ("label", label)]
    rows = data.Dataset([data.Example.fromlist(["w " * (i % 7 + 1), "ab"[i % 2]], fields) for i in range(40)], fields)
    rows.sort_key = lambda e: len(e.text)
    text.build_vocab(rows)
    label.build_vocab(rows)
    state = random.Random(0).getstate()
    train, test = rows.split(0.75, random_state=state)
    assert (len(train), len(test)) == (30, 10) and [e.text for e in rows.split(0.75, random_state=state)[0]] == [e.text for e in train]
    parts = rows.split([0.5, 0.25, 0.25], stratified=True)
    assert [len(p) for p in parts] == [20, 10, 10] and sum(e.label == "a" for e in parts[0]) == 10
    with pytest.raises(ValueError, match="split_ratio"):
        rows.split(1.5)
    bucket = data.BucketIterator(rows, 8, sort_within_batch=True)
    shapes = [tuple(b.text.shape) for b in bucket]
    assert len(shapes) == 5 and all(n == 8 for _, n in shapes)
    batch = next(iter(bucket))
    lengths = (batch.text != text.vocab.stoi["<pad>"]).sum(0).tolist()
    assert lengths == sorted(lengths, reverse=True) and (lengths[0] - lengths[-1]) <= 3
    x, y = batch
    assert x is batch.text and y is batch.label
    saved, seen = None, []
    for i, b in enumerate(it := data.Iterator(rows, 10)):
        seen.append(b.label.tolist())
        if i == 1:
            saved = it.state_dict()
    resumed = data.Iterator(rows, 10)
    resumed.load_state_dict(saved)
    assert [b.label.tolist() for b in resumed] == seen[2:]
    tokens = data.Iterator(rows, 12, batch_size_fn=lambda e, n, sofar: sofar + len(e.text), train=False)
    assert all((b.text != 1).sum() <= 12 for b in tokens)


def test_bptt():
    text = data.Field()
    rows = data.Dataset([data.Example.fromlist(["a b c d e f g h i j"], [("text", text)])], [("text", text)])
    text.build_vocab(rows)
    batches = list(data.BPTTIterator(rows, batch_size=2, bptt_len=3))
    assert [b.text.shape for b in batches] == [(3, 2), (1, 2)]
    assert lw.equal(batches[0].text[1:], batches[0].target[:-1])


def test_translation(tmp_path):
    for part in ("train", "val", "test2016"):
        (tmp_path / f"{part}.de").write_text("Ein Hund\n\nZwei\n")
        (tmp_path / f"{part}.en").write_text("A dog\nempty\nTwo\n")
    src, trg = data.Field(), data.Field(init_token="<s>")
    train, valid, test = legacy.Multi30k.splits(exts=(".de", ".en"), fields=(src, trg), root=tmp_path)
    assert [(e.src, e.trg) for e in train] == [(["Ein", "Hund"], ["A", "dog"]), (["Zwei"], ["Two"])] and len(valid) == len(test) == 2
