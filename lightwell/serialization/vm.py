"""A pickle machine that executes nothing: safe loading reads the opcodes itself and knows only how to build plain data.

Why not a `pickle.Unpickler` with a strict `find_class`? Because that guards one door only: its REDUCE calls whatever
lies on the stack, its BUILD writes into any object's attributes and its SETITEMS calls any object's __setitem__
(CVE-2025-32434 and CVE-2026-24747 came in that way), and it allocates what the file says it should. Here every opcode
checks the types of what it works on; a call goes to a function of our own chosen by the name in the file, never to an
object from the stack; and what is copied is counted. Python's protocols 2 to 5 are understood; the rest (extensions,
instances of old-style classes, text opcodes) is refused.
"""

import builtins
import pickle
import struct
from collections import Counter, OrderedDict

from ..errors.teaching import EOFError, IndexError, TypeError, ValueError
from ..errors.unpickling import UnpicklingError
from . import allow

_MARK = object()
_CHARGE = 64 << 20  # bytes or elements that calls may copy beyond 16 times the pickle's own length


def _short(x) -> str:
    """A name for messages, never long."""
    text = str(x)
    return text if len(text) <= 120 else text[:117] + "..."


def refusal(module: str, name: str) -> pickle.UnpicklingError:
    """The error for a name that is not on the allow-list: what was asked for and how to allow it."""
    full = _short(name if module == "builtins" else f"{module}.{name}")
    if allow.blocked(module, name):
        return UnpicklingError(
            f"Weights only load failed: the file asks for {full}, which can run commands and is blocked whatever was "
            "allowed. The file may be an attack: don't load it with weights_only=False unless you know who made it and why."
        )
    return UnpicklingError(
        f"Weights only load failed. Unsupported global: GLOBAL {full} is not on the allow-list, since using it runs "
        f"its code. If you trust it, allow it: `torch.serialization.add_safe_globals([{full}])` before loading, or "
        f"`with torch.serialization.safe_globals([{full}]):` around it. If you trust the whole file, "
        "load(..., weights_only=False) runs whatever code the file names. "
        "Saving a state_dict() instead of a whole object avoids the question."
    )


class SafeUnpickler:
    """Runs one pickle in `data` from `position`; `persistent_load(id)` answers references to storages.

    `run()` returns the object; `position` then stands behind it. UnpicklingError for anything not allowed or damaged,
    EOFError where the data ends too early, RuntimeError for tensors that don't fit their storage.
    """

    ops: dict  # opcode -> what it does

    def __init__(self, data, position: int = 0, persistent_load=None, encoding: str = "utf-8"):
        self.data, self.position, self.end = data, position, len(data)
        self.persistent_load, self.encoding = persistent_load, encoding
        self.stack: list = []
        self.marks: list[int] = []
        self.memo: dict = {}
        self.calls: dict = {}  # id of an object that a GLOBAL made -> (the object, kept alive; what to call for it)
        self.user = allow.user_table()
        self.trusted = {id(obj) for obj in self.user.values()}
        self.budget = 16 * (self.end - position) + _CHARGE

    def run(self):
        """The object that the pickle describes."""
        ops, stack = self.ops, self.stack
        try:
            while True:
                if self.position >= self.end:
                    raise EOFError("load: the pickle ends before its STOP; the file was cut off")
                code = self.data[self.position]
                self.position += 1
                if code == 46:  # STOP
                    return stack.pop()
                op = ops.get(code)
                if op is None:
                    raise UnpicklingError(
                        f"Weights only load failed: unsupported operand {code} at byte {self.position - 1}: "
                        "the file is no checkpoint, is damaged, or uses an opcode that plain data never needs"
                    )
                op(self)
        except (
            builtins.IndexError,
            KeyError,
            builtins.TypeError,
            builtins.ValueError,
            AttributeError,
            OverflowError,
            struct.error,
            MemoryError,
            RecursionError,
        ) as e:
            raise UnpicklingError(
                f"Weights only load failed at byte {self.position}: {_short(e) or type(e).__name__}; the file is damaged or forged"
            ) from e

    # ---- reading --------------------------------------------------------------------------------------------------

    def take(self, n: int) -> bytes:
        """The next `n` bytes."""
        start = self.position
        if n < 0 or start + n > self.end:
            raise EOFError("load: the pickle ends in the middle of a value; the file was cut off")
        self.position = start + n
        return bytes(self.data[start : start + n])

    def number(self, form: str) -> int:
        """The next number, in struct's notation."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """The next line of text, at most 1000 bytes."""
        start, stop = self.position, min(self.position + 1000, self.end)
        piece = bytes(self.data[start:stop])
        n = piece.find(b"\n")
        if n < 0:
            raise UnpicklingError("Weights only load failed: a name without an end; the file is damaged")
        self.position = start + n + 1
        return piece[:n].decode("utf-8")

    def popmark(self) -> list:
        """What was pushed since the last MARK."""
        at = self.marks.pop()
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def charge(self, items) -> None:
        """Count what a call will copy, so that a small file can't ask for a large memory."""
        for x in items:
            if isinstance(x, (str, bytes, bytearray, list, tuple, dict, set)):
                self.budget -= len(x)
        if self.budget < 0:
            raise UnpicklingError("Weights only load failed: the pickle copies far more than it holds: refused as a bomb")

    # ---- names and calls ------------------------------------------------------------------------------------------

    def name(self, module: str, name: str) -> None:
        """Push what a name stands for; UnpicklingError where it isn't allowed."""
        module, name = allow.modern(module, name)
        if allow.blocked(module, name):
            raise refusal(module, name)
        found = allow.lookup(module, name)
        if found is not None:
            obj, call = found
            if call is not None:
                self.calls[id(obj)] = obj, call
        else:
            full = f"{module}.{name}"
            if full not in self.user:
                raise refusal(module, name)
            obj = self.user[full]
            self.calls[id(obj)] = obj, obj
        self.stack.append(obj)

    def reduce(self) -> None:
        """Call for a function that the file named, with a tuple of arguments."""
        args, func = self.stack.pop(), self.stack.pop()
        known = self.calls.get(id(func))
        if known is None or type(args) is not tuple:
            raise UnpicklingError(f"Weights only load failed: trying to call {_short(type(func).__name__)}, which isn't a known function")
        self.charge(args)
        self.stack.append(known[1](*args))

    def new_object(self, args, kwargs, cls) -> None:
        """Make an instance of a class that the user allowed (or a Parameter)."""
        if type(args) is not tuple or type(kwargs) is not dict or not isinstance(cls, type):
            raise TypeError("a class and its arguments were expected")
        if id(cls) in self.trusted:
            self.stack.append(cls.__new__(cls, *args, **kwargs))
        elif id(cls) in self.calls and not kwargs:
            self.charge(args)
            self.stack.append(self.calls[id(cls)][1](*args))
        else:
            raise UnpicklingError(f"Weights only load failed: making a new {cls.__module__}.{cls.__name__} isn't allowed")

    def trusts(self, obj) -> bool:
        """Whether the user allowed the object's class."""
        return id(type(obj)) in self.trusted

    def build(self) -> None:
        """Give the object on top of the stack its state."""
        state, obj = self.stack.pop(), self.stack[-1]
        if type(obj) is OrderedDict:  # a state_dict's _metadata
            if type(state) is not dict or any(type(k) is not str or hasattr(OrderedDict, k) for k in state):
                raise TypeError("an OrderedDict's attributes must be new names")
            obj.__dict__.update(state)
        elif self.trusts(obj):
            setstate = getattr(obj, "__setstate__", None)
            if setstate is not None:
                setstate(state)
                return
            parts = state if type(state) is tuple and len(state) == 2 else (state, None)
            for part in parts:
                for key, value in (part or {}).items():
                    setattr(obj, key, value) if part is parts[1] else obj.__dict__.__setitem__(key, value)
        else:
            raise UnpicklingError(f"Weights only load failed: setting the state of a {_short(type(obj).__name__)} isn't allowed")

    def set_items(self, target, items: list) -> None:
        """Put keys and values into a dict; nothing else has items here."""
        kind = type(target)
        if kind not in (dict, OrderedDict, Counter) and not (isinstance(target, dict) and self.trusts(target)):
            raise UnpicklingError(f"Weights only load failed: setting items of a {_short(kind.__name__)} isn't allowed")
        if len(items) % 2:
            raise ValueError("a key without a value")
        for i in range(0, len(items), 2):
            target[allow.check_key(items[i])] = items[i + 1]

    def extend(self, target, items: list) -> None:
        """Append to a list; nothing else grows here."""
        if type(target) is not list and not (isinstance(target, list) and self.trusts(target)):
            raise UnpicklingError(f"Weights only load failed: appending to a {_short(type(target).__name__)} isn't allowed")
        target.extend(items)

    def add_items(self, target, items: list) -> None:
        """Add to a set."""
        if type(target) is not set:
            raise UnpicklingError(f"Weights only load failed: adding to a {_short(type(target).__name__)} isn't allowed")
        target.update(allow.check_key(x) for x in items)

    def persistent(self) -> None:
        """Push the storage that a reference names."""
        pid = self.stack.pop()
        if type(pid) is not tuple or self.persistent_load is None:
            raise UnpicklingError("Weights only load failed: a reference to outside the pickle that isn't a storage's")
        self.stack.append(self.persistent_load(pid))

    def text(self, raw: bytes):
        """A byte string of Python 2."""
        return raw if self.encoding == "bytes" else raw.decode(self.encoding)

    def proto(self) -> None:
        """The protocol's number."""
        version = self.take(1)[0]
        if not 2 <= version <= 5:
            raise UnpicklingError(f"Weights only load failed: unsupported pickle protocol {version}; protocols 2 to 5 are read")

    def integer(self, n: int) -> int:
        """The next `n` bytes as an int."""
        return int.from_bytes(self.take(n), "little", signed=True)


def _push(value):
    return lambda vm: vm.stack.append(value(vm))


def _tuple(n):
    def op(vm):
        if len(vm.stack) < n:
            raise IndexError("the stack is empty")
        items = tuple(vm.stack[-n:])
        del vm.stack[-n:]
        vm.stack.append(items)

    return op


def _put(index):
    def op(vm):
        vm.memo[index(vm)] = vm.stack[-1]

    return op


def _dict(vm):
    out = {}
    vm.set_items(out, vm.popmark())
    vm.stack.append(out)


def _many(method):
    def op(vm):
        items = vm.popmark()
        getattr(vm, method)(vm.stack[-1], items)

    return op


def _set_item(vm):
    value, key = vm.stack.pop(), vm.stack.pop()
    vm.set_items(vm.stack[-1], [key, value])


def _append(vm):
    value = vm.stack.pop()
    vm.extend(vm.stack[-1], [value])


def _new(vm):
    args, cls = vm.stack.pop(), vm.stack.pop()
    vm.new_object(args, {}, cls)


def _new_ex(vm):
    kwargs, args, cls = vm.stack.pop(), vm.stack.pop(), vm.stack.pop()
    vm.new_object(args, kwargs, cls)


def _stack_global(vm):
    name, module = vm.stack.pop(), vm.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise TypeError("a global's name must be text")
    vm.name(module, name)


def _string(form):
    return _push(lambda vm: vm.take(vm.number(form)).decode("utf-8", "surrogatepass"))


def _frozen(vm):
    vm.stack.append(frozenset(allow.check_key(x) for x in vm.popmark()))


_OPS = {
    0x80: SafeUnpickler.proto,
    0x95: lambda vm: vm.take(8) and None,  # FRAME: a hint for buffered reading
    ord("("): lambda vm: vm.marks.append(len(vm.stack)),
    ord("0"): lambda vm: vm.stack.pop(),
    ord("1"): lambda vm: vm.popmark() and None,
    ord("N"): _push(lambda vm: None),
    0x88: _push(lambda vm: True),
    0x89: _push(lambda vm: False),
    ord("J"): _push(lambda vm: vm.number("<i")),
    ord("K"): _push(lambda vm: vm.take(1)[0]),
    ord("M"): _push(lambda vm: vm.number("<H")),
    0x8A: _push(lambda vm: vm.integer(vm.take(1)[0])),
    0x8B: _push(lambda vm: vm.integer(vm.number("<i"))),
    ord("G"): _push(lambda vm: vm.number(">d")),
    ord("X"): _string("<I"),
    0x8C: _string("<B"),
    0x8D: _string("<Q"),
    ord("U"): _push(lambda vm: vm.text(vm.take(vm.take(1)[0]))),
    ord("T"): _push(lambda vm: vm.text(vm.take(vm.number("<i")))),
    ord("B"): _push(lambda vm: vm.take(vm.number("<I"))),
    ord("C"): _push(lambda vm: vm.take(vm.take(1)[0])),
    0x8E: _push(lambda vm: vm.take(vm.number("<Q"))),
    0x96: _push(lambda vm: bytearray(vm.take(vm.number("<Q")))),
    ord(")"): _push(lambda vm: ()),
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    ord("t"): _push(lambda vm: tuple(vm.popmark())),
    ord("]"): _push(lambda vm: []),
    ord("l"): _push(lambda vm: vm.popmark()),
    ord("}"): _push(lambda vm: {}),
    ord("d"): _dict,
    0x8F: _push(lambda vm: set()),
    0x91: _frozen,
    ord("a"): _append,
    ord("e"): _many("extend"),
    ord("s"): _set_item,
    ord("u"): _many("set_items"),
    0x90: _many("add_items"),
    ord("h"): _push(lambda vm: vm.memo[vm.take(1)[0]]),
    ord("j"): _push(lambda vm: vm.memo[vm.number("<I")]),
    ord("q"): _put(lambda vm: vm.take(1)[0]),
    ord("r"): _put(lambda vm: vm.number("<I")),
    0x94: _put(lambda vm: len(vm.memo)),
    ord("2"): lambda vm: vm.stack.append(vm.stack[-1]),
    ord("c"): lambda vm: vm.name(vm.line(), vm.line()),
    0x93: _stack_global,
    ord("R"): SafeUnpickler.reduce,
    0x81: _new,
    0x92: _new_ex,
    ord("b"): SafeUnpickler.build,
    ord("Q"): SafeUnpickler.persistent,
}
SafeUnpickler.ops = _OPS
