"""Vocabularies of both kinds, and word vectors from files, archives and downloads."""

import gzip
import os
import pickle
import tarfile
import zipfile
from collections import Counter, OrderedDict

import pytest

import lightwell as lw
from lightwell.text.vocab import CharNGram, GloVe, Vectors, Vocab, build_vocab_from_iterator, pretrained_aliases, vocab

WORDS = "a b b c c c d".split()
LINES = "the 0.5 1.0 -1.0\ncat 2.0 3.0 4.0\nsat 1e-1 0 0.25\n"


def test_classic_vocab():
    v = Vocab(Counter(WORDS))
    assert v.itos == ["<unk>", "<pad>", "c", "b", "a", "d"] and v.freqs["c"] == 3 and len(v) == 6
    assert v["c"] == 2 and v["zebra"] == 0 and v.stoi["zebra"] == 0 and "zebra" not in v.stoi
    assert v.lookup_indices(["a", "zebra"]) == [4, 0]
    assert Vocab(Counter(WORDS), min_freq=2, specials=["<pad>"]).itos == ["<pad>", "c", "b"]
    assert Vocab(Counter(WORDS), max_size=2).itos == ["<unk>", "<pad>", "c", "b"]
    last = Vocab(Counter(WORDS), specials=("<unk>",), specials_first=False)
    assert last.itos == ["c", "b", "a", "d", "<unk>"] and last["zebra"] == 4
    with pytest.raises(KeyError):
        Vocab(Counter(WORDS), specials=["<pad>"]).stoi["zebra"]
    again = pickle.loads(pickle.dumps(v))
    assert again == v and again["zebra"] == 0 and again != last
    v.extend(Vocab(Counter(["x", "a"])))
    assert v.itos[-1] == "x" and v["x"] == 6


def test_factories():
    v = vocab(OrderedDict([("b", 3), ("a", 1), ("c", 2)]), min_freq=2, specials=["<unk>", "<s>"])
    assert v.get_itos() == ["<unk>", "<s>", "b", "c"] and "a" not in v and v.get_default_index() is None
    with pytest.raises(RuntimeError, match="default index is not set"):
        v["a"]
    v.set_default_index(0)
    assert v(["b", "a"]) == [2, 0] and v.lookup_tokens([3, 2]) == ["c", "b"] and v.get_stoi()["c"] == 3
    v.insert_token("new", 1)
    v.append_token("end")
    assert v.get_itos() == ["<unk>", "new", "<s>", "b", "c", "end"] and v["zebra"] == 0
    for wrong in (lambda: v.append_token("b"), lambda: v.insert_token("q", 9), lambda: v.lookup_token(9), lambda: v.lookup_token(-1)):
        with pytest.raises(RuntimeError):
            wrong()
    built = build_vocab_from_iterator([["b", "a"], ["b"], ["c"]], specials=["<unk>"], special_first=False, max_tokens=3)
    assert built.get_itos() == ["b", "a", "<unk>"]
    assert build_vocab_from_iterator(iter([["b", "a"], ["b"]]), min_freq=2).get_itos() == ["b"]
    with pytest.raises(AssertionError, match="special"):
        build_vocab_from_iterator([["a"]], specials=["x", "y"], max_tokens=2)
    assert isinstance(v, lw.nn.Module)


def test_vectors_of_a_file(tmp_path):
    path = tmp_path / "small.txt"
    path.write_text("3 3\n" + LINES)  # with a header, as word2vec's
    v = Vectors(str(path), cache=tmp_path / "cache")
    assert v.itos == ["the", "cat", "sat"] and v.dim == 3 and len(v) == 3 and v.vectors.dtype == lw.float32
    assert v["cat"].tolist() == [2, 3, 4] and v["dog"].tolist() == [0, 0, 0] and "cat" in v
    assert v.get_vecs_by_tokens("CAT", lower_case_backup=True).tolist() == [2, 3, 4]
    assert v.get_vecs_by_tokens(["the", "dog"]).tolist() == [[0.5, 1, -1], [0, 0, 0]]
    assert (tmp_path / "cache" / "small.txt.pt").exists()
    path.unlink()
    kept = Vectors("small.txt", cache=tmp_path / "cache", unk_init=lambda t: t.fill_(7))
    assert kept["cat"].tolist() == [2, 3, 4] and kept["dog"].tolist() == [7, 7, 7]
    with gzip.open(tmp_path / "small.gz", "wb") as file:
        file.write(LINES.encode())
    assert len(Vectors(tmp_path / "small.gz", cache=tmp_path, max_vectors=2)) == 2


def test_vectors_refuse(tmp_path):
    with pytest.raises(RuntimeError, match="no vectors found at"):
        Vectors("absent.txt", cache=tmp_path)
    (tmp_path / "bad.txt").write_text("a 1 2\nb 1 2 3\n")
    with pytest.raises(RuntimeError, match="has 3 dimensions, but previously read vectors have 2"):
        Vectors(tmp_path / "bad.txt", cache=tmp_path)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(RuntimeError, match="has no vectors"):
        Vectors(tmp_path / "empty.txt", cache=tmp_path)
    assert not list(tmp_path.glob("*.pt"))


def test_glove_is_downloaded_once(served, tmp_path, monkeypatch):
    folder, address = served
    with zipfile.ZipFile(folder / "glove.6B.zip", "w") as pack:
        pack.writestr("glove.6B.50d.txt", "\n".join(f"w{i} " + " ".join(["0.5"] * 50) for i in range(3)))
        pack.writestr("glove.6B.100d.txt", "w0 " + " ".join(["1.5"] * 100) + "\n")
    monkeypatch.setattr(GloVe, "url", {"6B": f"{address}/glove.6B.zip"})
    v = GloVe(name="6B", dim=50, cache=tmp_path / "cache")
    assert len(v) == 3 and v.dim == 50
    (folder / "glove.6B.zip").unlink()  # from here on without the net
    assert GloVe(name="6B", dim=100, cache=tmp_path / "cache")["w0"][0] == 1.5
    by_alias = Vocab(Counter(["w1", "other"]), specials=["<unk>"], vectors="glove.6B.50d", vectors_cache=tmp_path / "cache")
    assert by_alias.vectors.shape == (3, 50) and by_alias.vectors[by_alias["w1"]].sum() == 25 and by_alias.vectors[0].sum() == 0
    with pytest.raises(RuntimeError, match=r"could not download .*by hand"):
        GloVe(name="6B", dim=50, cache=tmp_path / "other")
    assert not list((tmp_path / "other").glob("*"))


def test_charngram(served, tmp_path, monkeypatch):
    folder, address = served
    inner = tmp_path / "charNgram.txt"
    inner.write_text("2gram-#BEGIN#a 1 2\n2gram-ab 3 4\n")
    with tarfile.open(folder / "jmt.tar.gz", "w:gz") as pack:
        pack.add(inner, "jmt_pre-trained_embeddings/charNgram.txt")
    inner.unlink()
    monkeypatch.setattr(CharNGram, "url", f"{address}/jmt.tar.gz")
    v = CharNGram(cache=tmp_path / "cache")
    assert v["ab"].tolist() == [[2.0, 3.0]] and v["zz"].tolist() == [[0, 0]] and v["<unk>"].tolist() == [[0, 0]]


def test_vectors_of_a_vocab(tmp_path):
    (tmp_path / "a.txt").write_text("cat 1 2\n")
    (tmp_path / "b.txt").write_text("dog 3 4 5\n")
    a, b = (Vectors(tmp_path / name, cache=tmp_path) for name in ("a.txt", "b.txt"))
    v = Vocab(Counter(["cat", "dog"]), specials=["<unk>"])
    v.load_vectors([a, b])
    assert v.vectors.tolist() == [[0, 0, 0, 0, 0], [1, 2, 0, 0, 0], [0, 0, 3, 4, 5]]
    v.set_vectors(a.stoi, a.vectors, 2, unk_init=lambda t: t - 1)
    assert v.vectors.tolist() == [[-1, -1], [1, 2], [-1, -1]]
    lw.nn.Embedding(3, 2).weight.data.copy_(v.vectors)
    with pytest.raises(ValueError, match="allowed pretrained vectors are"):
        v.load_vectors("glove.7B.50d")
    with pytest.raises(ValueError, match="expected str or Vectors"):
        v.load_vectors(3)


def test_aliases():
    assert len(pretrained_aliases) == 13 and set(GloVe.url) == {"6B", "42B", "840B", "twitter.27B"}
    assert pretrained_aliases["glove.6B.100d"].keywords == {"name": "6B", "dim": "100"}
    assert os.path.basename(GloVe.url["6B"]) == "glove.6B.zip"
