"""Native functions: LLVM's language in, addresses out. Compiled once, then found again by key, in this process and on disk.

    function(key, build)    the address of @kernel in the module text that build() returns
    functions(pairs)        the same for many, the missing ones compiled on all threads

Compiling one kernel takes some milliseconds; reading its object code back takes a tenth of one. The name of a cached object is the
hash of all that shaped its code: the key, the processor and its features, the versions of LLVM and of what wrote it. Inside the
file stands the hash of the code itself: a file that was damaged or cut short is compiled anew, never run.

LIGHTWELL_CACHE names the folder (empty: no cache on disk); LIGHTWELL_NATIVE=0 turns native code off.
"""

import atexit
import ctypes
import hashlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from .._version import __version__
from ..backend import threads
from ..errors.teaching import ValueError

ABI = 2  # to be raised when the form of kernels or what they may call changes
# The text is written with explicit vectors and without repetitions, so few passes of LLVM's optimiser pay for their time.
PASSES = ("sroa", "instruction_combine", "simplify_cfg")
CODEGEN = 2  # LLVM's level of optimisation when it chooses instructions and registers
LIMIT = 500_000_000  # bytes of cached objects; above, those that were unused for longest go
_MAGIC = b"lightwell object 1\n"

_found: dict[str, int] = {}  # key → address
_guard = threading.RLock()
_works: bool | None = None
_host: "_Host | None" = None


class _Host:
    """LLVM, and this machine as LLVM knows it."""

    def __init__(self):
        import llvmlite.binding as llvm

        for name in ("initialize", "initialize_native_target", "initialize_native_asmprinter"):
            try:
                getattr(llvm, name)()
            except (RuntimeError, AttributeError):  # newer versions need no `initialize` and say so
                if name != "initialize":
                    raise
        llvm.check_jit_execution()
        self.llvm, self.lib = llvm, llvm.ffi.lib
        self.cpu, self.features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        self.target = llvm.Target.from_default_triple()
        told = (self.target.triple, self.cpu, self.features, llvm.llvm_version_info, __version__, ABI, PASSES, CODEGEN, _writers())
        self.salt = repr(told).encode()
        self.local = threading.local()
        self.linker, self.linked = None, 0
        self.symbols: dict[str, int] = {}  # what kernels may call
        # llvmlite lets one thread at a time into LLVM, which LLVM itself doesn't ask for where each has its own context and
        # target machine. The three calls that take long go past llvmlite's lock, if this version lets them.
        self.parse, self.optimise, self.emit = map(
            self._unlocked, ("LLVMPY_ParseAssembly", "LLVMPY_RunNewModulePassManager", "LLVMPY_TargetMachineEmitToMemory")
        )

    def _unlocked(self, name: str):
        locked = getattr(self.lib, name)
        return getattr(locked, "_cfn", locked)

    def machine(self) -> Any:
        """A new target machine for this processor."""
        # In the small model code finds its constants relative to itself; the linker keeps them close together.
        return self.target.create_target_machine(
            cpu=self.cpu, features=self.features, opt=CODEGEN, reloc="pic", codemodel="small", jit=True
        )

    def compile(self, text: str) -> bytes:
        """The object code of a module; ValueError where LLVM doesn't understand its text."""
        llvm, local = self.llvm, self.local
        if not hasattr(local, "machine"):
            local.machine = self.machine()
            local.builder = llvm.create_pass_builder(local.machine, llvm.create_pipeline_tuning_options())
            local.passes = llvm.create_new_module_pass_manager()
            for name in PASSES:
                getattr(local.passes, f"add_{name}_pass")()
        context = llvm.create_context()
        with llvm.ffi.OutputString() as error:
            pointer = self.parse(context, ctypes.c_char_p(text.encode()), error)
            if not pointer:
                raise ValueError(f"LLVM: {error}\n{text}")
            module = llvm.ModuleRef(pointer, context)
        self.optimise(local.passes, module, local.builder)
        with llvm.ffi.OutputString() as error:
            buffer = self.emit(local.machine, module, 1, error)
            if not buffer:
                raise ValueError(f"LLVM: {error}\n{text}")
        try:
            return ctypes.string_at(self.lib.LLVMPY_GetBufferStart(buffer), self.lib.LLVMPY_GetBufferSize(buffer))
        finally:
            self.lib.LLVMPY_DisposeMemoryBuffer(buffer)

    def load(self, objects: dict[str, bytes]) -> dict[str, int]:
        """Symbol → address of its code, ready to run."""
        llvm = self.llvm
        if self.linker is None:
            self.linker = llvm.create_lljit_compiler(self.machine(), use_jit_link=sys.platform != "win32", suppress_errors=True)
            atexit.register(self.linker.detach)
        self.linked += 1
        library = llvm.JITLibraryBuilder().add_current_process()
        for name, address in self.symbols.items():
            library.import_symbol(name, address)
        for name, data in objects.items():
            library.add_object_img(data).export_symbol(name)
        code = library.link(self.linker, f"lightwell {self.linked}")
        found = {name: code[name] for name in objects}
        code.detach()  # code stays to the end of the process: nobody frees it while the interpreter comes down
        return found


def _writers() -> list[tuple]:
    """Which files write kernels, and of when they are: whoever changes one needs no new version to see its effect."""
    try:
        with os.scandir(os.path.dirname(__file__)) as files:
            told = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files if f.name.endswith(".py")]
    except OSError:  # an archive: it has a version
        return []
    return sorted(told)


def _the_host() -> _Host:
    global _host
    with _guard:
        if _host is None:
            _host = _Host()
        return _host


def available() -> bool:
    """Whether native code can be made: llvmlite is there, this system lets it run, and LIGHTWELL_NATIVE isn't 0."""
    global _works
    if os.environ.get("LIGHTWELL_NATIVE") == "0":
        return False
    if _works is None:
        try:
            _the_host()
            _works = True
        except (ImportError, OSError, RuntimeError, AttributeError):
            _works = False
    return _works


def cpu() -> tuple[str, str]:
    """The processor's name and its features, as LLVM writes them."""
    host = _the_host()
    return host.cpu, host.features


def symbol(name: str, address: int) -> None:
    """Let kernels call the function at an address by a name."""
    _the_host().symbols[name] = address


def function(key: str, build: Callable[[], str]) -> int:
    """The address of @kernel of the module text that build() returns; `key` says all that shapes that text."""
    address = _found.get(key)
    return functions([(key, build)])[0] if address is None else address


def functions(pairs: Iterable[tuple[str, Callable[[], str]]], runtime: bool = True) -> list[int]:
    """Addresses for many (key, build); what no cache has is compiled on as many threads as `set_num_threads` says.

    With `runtime`, what kernels may call (`runtime.py`) is made known first.
    """
    pairs = list(pairs)
    missing = {key: build for key, build in pairs if key not in _found}
    if missing:
        if runtime:
            from . import runtime as driver

            driver.prepare()
        host = _the_host()
        names = {key: "k" + hashlib.sha256(host.salt + key.encode()).hexdigest() for key in missing}
        objects = {names[key]: data for key in missing if (data := _read(names[key])) is not None}
        jobs = [(names[key], build) for key, build in missing.items() if names[key] not in objects]
        objects.update(_made(host, jobs))
        with _guard:
            addresses = host.load(objects)
            _found.update((key, addresses[names[key]]) for key in missing if key not in _found)
    return [_found[key] for key, _ in pairs]


def _made(host: _Host, jobs: list) -> dict[str, bytes]:
    """Name → object code of what must be compiled; written to the cache too."""
    count = min(threads.get_num_threads(), len(jobs))
    made: dict[str, bytes] = {}
    left = list(reversed(jobs))
    errors: list[BaseException] = []

    def work():
        while left and not errors:
            try:
                name, build = left.pop()
            except IndexError:  # another thread took the last one
                return
            try:
                made[name] = data = host.compile(_renamed(build(), name))
                _write(name, data)
            except BaseException as error:
                errors.append(error)

    helpers = [threading.Thread(target=work, name="lightwell-compile") for _ in range(count - 1)]
    for helper in helpers:
        helper.start()
    if jobs:
        work()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
    return made


def _renamed(text: str, name: str) -> str:
    """The module with its kernel under a name of its own, and all other functions private to it: many share an engine."""
    text = text.replace("@kernel(", f"@{name}(")
    return re.sub(r"^define (?!internal |private )(?!.*@" + name + r"\()", "define internal ", text, flags=re.M)


def _forked() -> None:
    global _guard
    _guard = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


# ---- the cache on disk -----------------------------------------------------------------------------------------------

_folders: dict[tuple, str | None] = {}
_written = 0


def folder() -> str | None:
    """Where object code is kept, made at the first need; None where it can't be."""
    said = os.environ.get("LIGHTWELL_CACHE")
    home = os.path.expanduser("~")
    who = (said, os.environ.get("XDG_CACHE_HOME"), home)
    if who not in _folders:
        _folders[who] = _usable(said, home)
    return _folders[who]


def _usable(said: str | None, home: str) -> str | None:
    if said is not None:
        base = said
    elif sys.platform == "win32":
        base = os.path.join(os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"), "lightwell")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches", "lightwell")
    else:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "lightwell")
    if not base:
        return None
    path = os.path.join(base, "native")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        # Code is run from here: a folder that someone else owns or may write to is none.
        told = os.stat(path)
    except OSError:
        return None
    if hasattr(os, "getuid") and (told.st_uid != os.getuid() or told.st_mode & 0o022):
        return None
    return path


def _read(name: str) -> bytes | None:
    """The object code of a name, whole; None if there is none."""
    where = folder()
    if where is None:
        return None
    path = os.path.join(where, name[1:] + ".o")
    try:
        with open(path, "rb") as file:
            whole = file.read()
            age = time.time() - os.fstat(file.fileno()).st_mtime
        start = len(_MAGIC) + 32
        data = whole[start:]
        if not whole.startswith(_MAGIC) or hashlib.sha256(name.encode() + data).digest() != whole[len(_MAGIC) : start]:
            return None
        if age > 3600:  # a file's time is the hour of its last use
            os.utime(path)
    except FileNotFoundError:
        return None
    except OSError:
        return None
    return data


def _write(name: str, data: bytes) -> None:
    """Keep object code; in one move, so that other processes see the file whole or not at all."""
    global _written
    where = folder()
    if where is None:
        return
    path = os.path.join(where, name[1:] + ".o")
    temporary = f"{path}.{os.getpid()}.{threading.get_ident()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(name.encode() + data).digest() + data)
        os.replace(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        return
    _written += 1
    if _written % 256 == 1:
        _tidy(where)


def _tidy(where: str, limit: int | None = None) -> None:
    """Remove what was unused for longest while the cache is larger than its limit, and what writers left behind."""
    limit = LIMIT if limit is None else limit
    files = []
    try:
        with os.scandir(where) as entries:
            for entry in entries:
                told = entry.stat()
                if entry.name.endswith(".o"):
                    files.append((told.st_mtime, told.st_size, entry.path))
                elif entry.name.endswith(".tmp") and time.time() - told.st_mtime > 3600:
                    os.unlink(entry.path)
    except OSError:  # another process is tidying too
        return
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            break
        try:
            os.unlink(path)
        except OSError:
            pass
        total -= size
