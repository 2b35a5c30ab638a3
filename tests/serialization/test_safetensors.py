"""safetensors files: ours and the library's own front for PyTorch under the stand-in, mapped, checked, atomic."""

import pathlib
import subprocess
import sys

import pytest

import lightwell as torch
from lightwell.serialization.safetensors import load_file, save_file

pytest.importorskip("safetensors")
ROOT = pathlib.Path(__file__).parents[2]
TENSORS = {
    "a": torch.arange(12.0).reshape(3, 4), "turned": torch.arange(6).reshape(2, 3).t(), "half": torch.ones(2, dtype=torch.bfloat16),
    "eighth": torch.tensor([1.0, -2.0]).to(torch.float8_e4m3fn), "no": torch.zeros(0, 3), "one": torch.tensor(5), "is": torch.tensor([True, False]),
}  # fmt: skip


def test_there_and_back(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file(TENSORS, path, {"made": "here"})
    read = load_file(path)
    assert read.keys() == TENSORS.keys()
    for name, t in TENSORS.items():
        assert read[name].dtype is t.dtype and read[name].tolist() == t.tolist()
    read["a"][0, 0] = 99  # stays in memory
    assert load_file(path)["a"][0, 0] == 0


def test_damaged_files_are_refused(tmp_path):
    import safetensors

    path = tmp_path / "x.safetensors"
    save_file(TENSORS, path)
    whole = path.read_bytes()
    for bad in (whole[:20], whole[:-1], whole + b"x", b"\xff" * 64, b""):
        path.write_bytes(bad)
        with pytest.raises(safetensors.SafetensorError):
            load_file(path)
    with pytest.raises(RuntimeError, match="loaded to the CPU"):
        load_file(path, device="cuda")


def test_the_librarys_own_front_for_pytorch(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "from safetensors import safe_open\n"
        "from safetensors.torch import load, load_file, load_model, save, save_file, save_model\n"
        "d = {'a': torch.randn(3, 4), 'c': torch.ones(2, dtype=torch.bfloat16)}\n"
        "save_file(d, 'x.safetensors', metadata={'k': 'v'})\n"
        "print({k: torch.equal(v, d[k]) for k, v in sorted(load_file('x.safetensors').items())})\n"
        "with safe_open('x.safetensors', framework='pt') as f:\n"
        "    print(f.metadata(), f.get_tensor('a').shape, f.get_slice('a')[:2].shape)\n"
        "net = torch.nn.Linear(2, 2); save_model(net, 'm.safetensors'); print(load_model(net, 'm.safetensors'), torch.equal(load(save(d))['a'], d['a']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "lightwell", str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        env={**__import__("os").environ, "PYTHONPATH": str(ROOT)},
    )
    told = done.stdout.splitlines()
    assert told == [
        "{'a': True, 'c': True}", "{'k': 'v'} torch.Size([3, 4]) torch.Size([2, 4])", "(set(), []) True",
    ], done.stdout + done.stderr  # fmt: skip


def test_storages_mapped_and_cut(tmp_path):
    path = tmp_path / "bytes"
    path.write_bytes(bytes(range(8)))
    storage = torch.UntypedStorage.from_file(str(path), False, 8)
    part = storage[2:5]
    part[0] = 77
    assert storage.tolist() == [0, 1, 77, 3, 4, 5, 6, 7] and part.tolist() == [77, 3, 4] and part.nbytes() == 3
    assert path.read_bytes() == bytes(range(8))
    torch.UntypedStorage.from_file(str(path), True, 10)[9] = 1
    assert path.read_bytes() == bytes([*range(8), 0, 1])
    assert torch.asarray(part, dtype=torch.uint8).tolist() == [77, 3, 4]
    with pytest.raises(RuntimeError, match="10 bytes, 11 were asked for"):
        torch.UntypedStorage.from_file(str(path), False, 11)
