"""Native functions: built once, found again on disk, never run from a damaged file."""

import ctypes
import os
import subprocess
import sys
import threading

import pytest

from lightwell.compile import native
from lightwell.compile.ir import Function

pytest.importorskip("llvmlite")


def constant(number):
    """A kernel that writes a number to the first slot."""

    def build():
        f = Function()
        f.store("i64", str(number), "%args")
        return f.text()

    return build


def run(address):
    slot = ctypes.c_int64(-1)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(address)(ctypes.addressof(slot), 0, 1, None)
    return slot.value


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTWELL_CACHE", str(tmp_path))
    forget()
    return tmp_path / "native"


def forget():
    """As in a new process."""
    native._found.clear()


def files(folder):
    return sorted(p for p in folder.iterdir() if p.suffix == ".o")


def test_built_once_in_a_process(folder):
    calls = []

    def build():
        calls.append(1)
        return constant(7)()

    first = native.function("once", build)
    assert native.function("once", build) == first and run(first) == 7
    assert native.functions([("once", build), ("twice", constant(8)), ("once", build)])[::2] == [first, first]
    assert len(calls) == 1


def test_a_second_process_builds_nothing(folder):
    assert run(native.function("kept", constant(3))) == 3
    kept = [p for p in files(folder)]
    assert kept
    forget()

    def build():
        raise AssertionError("built again")

    assert run(native.function("kept", build)) == 3


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "other", "head"])
def test_a_damaged_file_is_rebuilt(folder, harm):
    assert run(native.function("harmed", constant(5))) == 5
    native.function("another", constant(6))
    name = "k" + native.hashlib.sha256(native._the_host().salt + b"harmed").hexdigest()
    path = folder / (name[1:] + ".o")
    whole = path.read_bytes()
    other = next(p for p in files(folder) if p != path).read_bytes()
    damaged = {
        "cut": whole[:-20],
        "flip": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
        "empty": b"",
        "other": other,
        "head": whole[1:],
    }
    path.write_bytes(damaged[harm])
    forget()
    assert native._read(name) is None
    built = []
    assert run(native.function("harmed", lambda: built.append(1) or constant(5)())) == 5
    assert built and path.read_bytes() == whole


def test_no_folder_is_no_cache(tmp_path, monkeypatch):
    plain = tmp_path / "file"
    plain.write_text("no folder")
    for said in ("", str(plain)):
        monkeypatch.setenv("LIGHTWELL_CACHE", said)
        assert native.folder() is None
        forget()
        assert run(native.function("nowhere", constant(2))) == 2


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="who may write is asked of POSIX systems only")
def test_a_folder_that_others_may_write_to_is_not_trusted(tmp_path, monkeypatch):
    (tmp_path / "native").mkdir()
    (tmp_path / "native").chmod(0o777)
    monkeypatch.setenv("LIGHTWELL_CACHE", str(tmp_path))
    assert native.folder() is None


def test_the_oldest_go_when_it_grows_too_large(folder):
    for i in range(6):
        native.function(f"grown {i}", constant(i))
    kept = files(folder)
    for i, path in enumerate(kept):
        os.utime(path, (1000 + i, 1000 + i))
    size = sum(p.stat().st_size for p in kept)
    native._tidy(str(folder), size - 1)
    assert files(folder) == kept[1:]
    native._tidy(str(folder), 0)
    assert files(folder) == []


def test_bad_text_is_told():
    with pytest.raises(ValueError, match="LLVM"):
        native.function("bad text", lambda: "define void @kernel( nonsense")


def test_an_error_in_build_arrives(folder):
    def build():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        native.functions([("fails", build), ("works", constant(1))])


def test_own_functions_of_modules_do_not_meet(folder):
    def build(number):
        helper = f"define i64 @helper() {{\n  ret i64 {number}\n}}\n"
        f = Function()
        f.store("i64", f.call("helper", "i64"), "%args")
        f.declared.clear()
        return lambda: helper + f.text()

    addresses = native.functions([("helper 1", build(1)), ("helper 2", build(2))])
    assert [run(a) for a in addresses] == [1, 2]


def test_many_threads_ask_at_once(folder):
    answers = [None] * 8

    def ask(i):
        answers[i] = [run(a) for a in native.functions([(f"asked {(i + j) % 5}", constant((i + j) % 5)) for j in range(5)])]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [[(i + j) % 5 for j in range(5)] for i in range(8)]


PROGRAM = """
import ctypes, sys
from lightwell.compile import native
from lightwell.compile.ir import Function
def build(i):
    def made():
        f = Function()
        f.store("i64", str(i), "%args")
        return f.text()
    return made
sys.stdin.readline()
for i, a in enumerate(native.functions([(f"crowd {i}", build(i)) for i in range(12)])):
    slot = ctypes.c_int64(-1)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(a)(ctypes.addressof(slot), 0, 1, None)
    assert slot.value == i
print("right", flush=True)
"""


def test_four_processes_at_once(folder):
    crowd = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(4)
    ]
    for p in crowd:
        p.stdin.write("go\n")
        p.stdin.flush()
    for p in crowd:
        out, _ = p.communicate(timeout=60)
        assert out == "right\n" and p.returncode == 0
    assert len(files(folder)) == 13  # twelve, and the driver
    assert not [p for p in folder.iterdir() if p.suffix == ".tmp"]


def test_it_can_be_turned_off(monkeypatch):
    assert native.available()
    monkeypatch.setenv("LIGHTWELL_NATIVE", "0")
    assert not native.available()


def test_nothing_heavy_at_import():
    code = "import lightwell.compile.native, lightwell.compile.runtime, lightwell.compile.gemm, sys; assert 'llvmlite' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_unknown_function_is_told(folder):
    def build():
        f = Function()
        f.call("lw_nobody_has_this", "void")
        return f.text()

    with pytest.raises(RuntimeError, match="symbols"):
        native.function("unknown function", build)
    assert run(native.function("after it", constant(4))) == 4


def test_constants_of_many_kernels(folder):
    """Each finds its own, aligned, when they are compiled and when they are read back."""

    def build(i):
        def made():
            f = Function()
            numbers = ", ".join(f"i64 {100 * i + j}" for j in range(8))
            x = f.put(f"add <8 x i64> {f.load('<8 x i64>', '%args', 8)}, <{numbers}>")
            f.store("<8 x i64>", x, "%args", 8)
            f.barrier()
            return f.text()

        return made

    for _ in range(2):
        forget()
        for i, address in enumerate(native.functions([(f"constants {i}", build(i)) for i in range(20)])):
            numbers = (ctypes.c_int64 * 8)()
            ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(address)(numbers, 0, 1, None)
            assert list(numbers) == [100 * i + j for j in range(8)]
