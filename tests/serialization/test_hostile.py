"""Files made to do harm, and files that harm befell: only documented exceptions, no code run, no absurd memory."""

import io
import os
import pathlib
import pickle
import random
import struct
import zipfile

import numpy as np
import pytest

from lightwell.serialization import load, safe_globals
from lightwell.tensor import wrap
from tests.serialization.helpers import archive, loaded, num, saved, storage, tensor, text

FILES = pathlib.Path(__file__).parent / "files"
DOCUMENTED = (pickle.UnpicklingError, RuntimeError, EOFError)
ran = []


class Attack:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def spy(*args):
    ran.append(args)


@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, print, spy, open, __import__])
@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_no_call_is_made(function, new, protocol):
    data = saved({"w": Attack(function, "spy()")}, _use_new_zipfile_serialization=new, pickle_protocol=protocol)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        loaded(data)
    assert not ran


def test_blocked_even_if_allowed():
    with safe_globals([(os.system, "posix.system")]), pytest.raises(pickle.UnpicklingError, match="blocked"):
        loaded(archive(b"\x80\x02cposix\nsystem\n" + text("true") + b"\x85R."))


@pytest.mark.parametrize("protocol", [2, 4])
def test_names_are_listed_without_loading(protocol):
    from lightwell.serialization import get_unsafe_globals_in_checkpoint as names

    data = saved([Attack(spy, "a"), Attack(spy, "b"), range(2), wrap(np.ones(1)), {1}], pickle_protocol=protocol)
    assert names(io.BytesIO(data)) == [f"{spy.__module__}.spy", "builtins.range"] and not ran
    assert names(FILES / "new.pt") == []


OD = b"ccollections\nOrderedDict\n"
BAD = {
    "setting items of a list": b"]" + num(0) + num(1) + b"s.",
    "setting items of a tensor": tensor(2, 0, [2], [1]) + num(0) + num(1) + b"s.",
    "setting items of a storage": storage(2) + num(0) + num(1) + b"s.",
    "setting items of a class": OD + num(0) + num(1) + b"s.",
    "state of a tensor": tensor(2, 0, [2], [1]) + b"}" + text("_a") + num(1) + b"sb.",
    "state of a dict": b"}}b.",
    "state of a class": OD + b"}b.",
    "state that hides a method": OD + b")R}" + text("items") + num(1) + b"sb.",
    "calling a tensor": tensor(2, 0, [2], [1]) + b")R.",
    "calling a dtype": b"ctorch\nfloat32\n)R.",
    "calling text": text("eval") + b")R.",
    "making an OrderedDict's instance of a number": num(1) + b")\x81.",
    "appending to a tuple": b")" + num(1) + b"a.",
    "appending to a dict": b"}" + num(1) + b"a.",
    "an attribute behind a dot": b"ctorch\nfloat32.__class__\n.",
    "a torch function": b"ctorch\nload\n" + text("x") + b"\x85R.",
    "the library's own name": b"clightwell.serialization\nload\n" + text("x") + b"\x85R.",
    "absurd bytearray": b"c__builtin__\nbytearray\n" + num(10**12) + b"\x85R.",
    "absurd encode": b"c_codecs\nencode\n" + text("x") + text("zip") + b"\x86R.",
    "unhashable key": b"}]" + num(1) + b"s.",
    "empty stack": b"0.",
    "no mark": b"t.",
    "memo": b"h\x07.",
    "bytes that aren't there": b"B\xff\xff\xff\x7f",
    "text that isn't there": b"\x8d" + b"\xff" * 7 + b"\x7f",
    "long of negative length": b"\x8b\xff\xff\xff\xff.",
    "no stop": b"}",
    "extension": b"\x82\x01.",
    "old instance": b"(cos\nsystem\n.",
    "persistent text": b"Pabc\n.",
    "persistent number": num(1) + b"Q.",
    "storage of a wrong kind": b"(" + text("storage") + num(1) + text("0") + text("cpu") + num(1) + b"tQ.",
    "storage with an endless key": storage(2, key="0" * 100000) + b".",
    "negative storage": storage(-2) + b".",
    "requires_grad on ints": tensor(1, 0, [1], [1], "LongStorage").replace(b"\x89", b"\x88") + b".",
    "protocol": b"\x80\x09N.",
    "parameter of a list": b"ctorch._utils\n_rebuild_parameter\n]\x88}\x87R.",
    "from_type with another function": b"ctorch._tensor\n_rebuild_from_type_v2\n(" + OD + b"ctorch\nTensor\n)}tR.",
}


@pytest.mark.parametrize("name", BAD)
def test_forged_pickles(name):
    with pytest.raises(DOCUMENTED):
        loaded(archive(b"\x80\x02" + BAD[name], [bytes(8)]))


@pytest.mark.parametrize(
    "case",
    [
        (2, 1, [2], [1]), (2, -1, [2], [1]), (2, 0, [3], [1]), (2, 0, [2], [2]), (2, 0, [2], [-1]), (2, 0, [-2], [1]), (2, 0, [2], [1, 1]),
        (2, 0, [2**40, 2**40], [1, 1]), (2, 0, [2**62], [0]), (2, 2**61, [1], [1]), (2, 0, [2], [2**61]), (2, 2**64, [1], [1]),
        (3, 0, [2], [1]), (1, 0, [1], [1]), (2**60, 0, [1], [1]), (2**100, 0, [1], [1]), (2, 0, [1] * 65, [1] * 65), (2, 3, [0], [1]),
    ],
)  # fmt: skip
def test_tensors_stay_inside_their_storage(case):
    with pytest.raises(RuntimeError, match=r"storage|stride|size"):
        loaded(archive(b"\x80\x02" + tensor(*case) + b".", [bytes(8)]))
    assert loaded(archive(b"\x80\x02" + tensor(2, 0, [2], [1]) + b".", [bytes(8)]))._a.tolist() == [0, 0]


def test_bombs():
    deep = b"\x80\x02}" + b")" + b"\x85" * 200_000 + b"Ns."  # hashing a tuple recurses in C
    doubling = b"\x80\x02})" + b"2\x86" * 60 + b"Ns."  # 2**60 steps to hash
    body = text("a" * 1_000_000) + b"q\x000"
    copying = b"\x80\x02(" + body + (b"c_codecs\nencode\nh\x00" + text("utf-8") + b"\x86R") * 3000 + b"l."
    for data in (deep, doubling, copying):
        with pytest.raises(pickle.UnpicklingError):
            loaded(archive(data))
    nested = loaded(archive(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."))
    assert type(nested) is list
    while nested:  # take it apart from outside, as plain deletion would recurse
        nested = nested.pop()
    with pytest.raises(RuntimeError, match="zip bomb"):
        loaded(archive(b"\x80\x02" + storage(1 << 25) + b".", [bytes(1 << 27)], packed=True))
    assert loaded(archive(b"\x80\x02" + tensor(1000, 0, [1000], [1]) + b".", [bytes(4000)], packed=True))._a.sum() == 0


def test_other_files(tmp_path):
    cases = {
        b"": EOFError,
        b"hello world, this is junk" * 10: pickle.UnpicklingError,
        pickle.dumps({"a": 1}, 2): RuntimeError,
        b"7z\xbc\xaf\x27\x1c" + bytes(100): pickle.UnpicklingError,
        b"PK\x03\x04" + bytes(100): RuntimeError,
        bytes(257) + b"ustar" + bytes(300): RuntimeError,
    }
    for data, kind in cases.items():
        with pytest.raises(kind):
            loaded(data)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("readme.txt", "hi")
    with pytest.raises(RuntimeError, match="subdirectory"):
        loaded(out.getvalue())
    with pytest.raises(RuntimeError, match="TorchScript"):
        loaded(archive(b"\x80\x02N.", **{"constants.pkl": b""}))
    with pytest.raises(RuntimeError, match="version"):
        loaded(archive(b"\x80\x02N.", version=b"99\n"))
    with pytest.raises(RuntimeError, match="byte order"):
        loaded(archive(b"\x80\x02N.", byteorder=b"middle"))


def test_every_cut_is_noticed():
    for name, step in (("new.pt", 97), ("old.pt", 13)):
        data = (FILES / name).read_bytes()
        for n in range(0, len(data) - 1, step):
            with pytest.raises(DOCUMENTED):
                loaded(data[:n])


def attempt(data, **options):
    try:
        return loaded(data, **options)
    except DOCUMENTED:
        return None


@pytest.mark.parametrize("name", ["new.pt", "old.pt"])
def test_flipped_bytes_in_files(name):
    good, draw = (FILES / name).read_bytes(), random.Random(1)
    refused = 0
    for _ in range(150):
        data = bytearray(good)
        for _ in range(draw.choice((1, 1, 3, 20))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        refused += attempt(bytes(data)) is None
    assert refused > 20


def test_flipped_bytes_inside_the_pickle():
    """The checksum would catch these: so the archive is packed anew around each mutant."""
    z = zipfile.ZipFile(FILES / "new.pt")
    records = {n.partition("/")[2]: z.read(n) for n in z.namelist()}
    pkl, draw = records["data.pkl"], random.Random(2)
    storages = [records[f"data/{i}"] for i in range(sum(n.startswith("data/") for n in records))]
    refused = 0
    for _ in range(400):
        data = bytearray(pkl)
        for _ in range(draw.choice((1, 1, 2, 8))):
            at = draw.randrange(len(data))
            kind = draw.randrange(3)
            if kind == 0:
                data[at] = draw.randrange(256)
            elif kind == 1:
                del data[at : at + draw.randrange(1, 9)]
            else:
                data[at:at] = draw.randbytes(draw.randrange(1, 9))
        refused += attempt(archive(bytes(data), storages)) is None
    assert refused > 100


def test_random_opcodes():
    draw = random.Random(3)
    parts = [
        b"(",
        b"t",
        b"}",
        b"]",
        b")",
        b"s",
        b"u",
        b"a",
        b"e",
        b"R",
        b"b",
        b"\x81",
        b"Q",
        b"0",
        b"2",
        b"q\x00",
        b"h\x00",
        b"\x85",
        b"\x86",
    ]
    parts += [
        OD,
        tensor(2, 0, [2], [1]),
        storage(2),
        text("k"),
        num(3),
        b"N",
        b"ctorch\nSize\n",
        b"c__builtin__\nset\n",
        b"ctorch\ndevice\n",
    ]
    parts += [
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch.nn.parameter\nParameter\n",
        b"ctorch\nTensor\n",
        b"\x8f",
        b"\x90",
        b"\x91",
    ]
    for _ in range(2000):
        body = b"".join(draw.choice(parts) for _ in range(draw.randrange(1, 25)))
        attempt(archive(b"\x80\x02" + body + b".", [bytes(8)]))


def test_checksums_and_twins():
    data = bytearray(saved(wrap(np.arange(10))))
    at = bytes(data).index(np.arange(10).tobytes())
    data[at] = 9
    with pytest.raises(RuntimeError, match="checksum"):
        loaded(bytes(data))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z, pytest.warns(UserWarning, match="Duplicate"):
        z.writestr("a/data.pkl", b"\x80\x02N.")
        z.writestr("a/data.pkl", b"\x80\x02K\x01.")
    with pytest.raises(RuntimeError, match="twice"):
        loaded(out.getvalue())


def test_old_form_sizes():
    data = saved(wrap(np.arange(4.0)), _use_new_zipfile_serialization=False)
    for wrong in (0, 3, 5, -1, 2**62):
        with pytest.raises(RuntimeError):
            loaded(data.replace(struct.pack("<q", 4), struct.pack("<q", wrong)))
    assert load(io.BytesIO(data))._a.tolist() == [0, 1, 2, 3]
