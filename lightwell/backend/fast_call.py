"""A compiled program as eager operations call it: addresses into a table, one native call, fresh arrays out (see `fast.py`)."""

import ctypes
import struct
import sys
from typing import Any

import numpy as np

from ..compile import runtime
from ..errors.teaching import ValueError

ALIGN = 64
ROOM = 1 << 26  # bytes of scratch memory kept between calls; more is let go at once
empty = np.empty


def _interface(a) -> int:
    return a.__array_interface__["data"][0]


def _peek(a) -> int:
    return peek(id(a) + 16).value or 0


# The address of an array's first element. In CPython it is the first field of the array object, behind its head of two words,
# which NumPy's C interface promises; reading it there takes a third of the time.
peek = ctypes.c_void_p.from_address
_probe = np.zeros(3)
address_of = _peek if sys.implementation.name == "cpython" and _peek(_probe) == _interface(_probe) else _interface

_rooms: list = []  # scratch memory that nobody uses now


class _Frame:
    """The tables of one call of a program. Two calls at the same time have two."""

    def __init__(self, program, places=()):
        """`places`: which of the arrays of a call is the input of each slot."""
        plan = program.plan
        self.keep = [np.zeros(max(plan.numbers, 1))]
        self.numbers: Any = self.keep[0]
        base = self.numbers.__array_interface__["data"][0]
        table: list[int] = []
        starts = []
        inputs: dict[int, list[int]] = {}
        results: dict[int, list[int]] = {b.slot: [] for b in plan.buffers if b.kind == "result"}
        room: list[tuple[int, int]] = []
        for s in program.steps:
            starts.append(len(table))
            table.append(base)
            for number in s.kernel.operands:
                b = plan.buffers[number]
                if b.kind == "input":
                    inputs.setdefault(b.slot, []).append(len(table))
                elif b.kind == "result":
                    results[b.slot].append(len(table))
                elif b.kind == "constant":
                    array = np.require(b.array, b.dtype, ["C", "A"])
                    self.keep.append(array)
                    table.append(array.__array_interface__["data"][0])
                    continue
                else:
                    room.append((len(table), program.places[number][1]))
                table.append(0)
            if s.kernel.scratch:
                room.append((len(table), s.scratch))
                table.append(0)
            table.extend(s.kernel.integers)
        self.inputs = [(places[slot], at) for slot, at in inputs.items()]
        self.results = [results[slot] for slot in sorted(results)]
        self.table = np.array([*table, 0], np.int64)
        self.view = self.table.data
        self.room_at, self.room_off = np.array([r[0] for r in room], np.intp), np.array([r[1] for r in room], np.int64)
        self.base = 0
        at = self.table.__array_interface__["data"][0]
        entries = [(address, at + 8 * start, flags) for address, start, flags in zip(program.addresses, starts, program.flags)]
        self.job = runtime.Job(entries)
        self.all = self.job.most

    def place(self, room) -> None:
        """Let temporaries lie in this memory."""
        base = -(-address_of(room) // ALIGN) * ALIGN
        if base != self.base:
            self.table[self.room_at] = self.room_off + base
            self.base = base


def _room(size: int):
    """Memory for temporaries."""
    try:
        room = _rooms.pop()
        if room.size >= size + ALIGN:
            return room
    except IndexError:
        pass
    return np.empty(size + ALIGN, np.uint8)


def _back(room) -> None:
    if room.size <= ROOM and len(_rooms) < 2:
        _rooms.append(room)


class Kernel:
    """Results from arrays: fresh ones, in a list with None for those that are None; None alone where an index is out of range.

    `places` are those of the arrays that aren't None, `checks` (place, low, high) of indices, `nothing` says which results are
    None, `count` how many results are the operation's own, and `one` whether that is one alone, in no list.
    """

    def __init__(self, program, places, checks, nothing, count, one):
        self.program, self.places, self.checks, self.count, self.one = program, places, checks, count, one
        self.most = None  # 1: one thread runs it
        self.arena = program.arena
        self.frames = [_Frame(program, places)]
        outs = {b.slot: (b.shape, b.dtype) for b in program.plan.buffers if b.kind == "result"}
        self.outs = [outs[slot] for slot in sorted(outs)]
        order, found = sorted(outs), iter(program.plan.results)
        self.pick: list = []  # of each result: None, which of the fresh arrays it is, or -1 - the place of the array given that it is
        for none in nothing:
            b = None if none else program.plan.buffers[next(found)]
            if b is None:
                self.pick.append(None)
            elif b.kind == "result":
                self.pick.append(order.index(b.slot))
            elif b.kind == "input":
                self.pick.append(-1 - places[b.slot])
            else:
                raise ValueError("a result that is no array of its own")
        self.plain = self.pick == list(range(len(outs)))

    def result(self, made, told):
        """The results as the formula gives them; what it appends to a list of the caller's goes there."""
        if told is not None:
            told.extend(made[self.count :])
            made = made[: self.count]
        return made[0] if self.one else made

    def __call__(self, arrays):
        for place, low, high in self.checks:
            a = arrays[place]
            if a.size and not (a.min() >= low and a.max() < high):
                return None
        try:
            frame = self.frames.pop()
        except IndexError:  # another thread is in the kernel
            frame = _Frame(self.program, self.places)
        view = frame.view
        for place, places in frame.inputs:
            address = address_of(arrays[place])
            for at in places:
                view[at] = address
        made = []
        for (shape, dtype), places in zip(self.outs, frame.results):
            a = empty(shape, dtype)
            made.append(a)
            if places:
                address = address_of(a)
                for at in places:
                    view[at] = address
        job = frame.job
        job.most = frame.all if self.most is None else 1
        if self.arena:
            room = _room(self.arena)
            frame.place(room)
            job()
            _back(room)
        else:
            job()
        self.frames.append(frame)
        if self.plain:
            return made
        return [None if p is None else made[p] if p >= 0 else arrays[-1 - p] for p in self.pick]


class Update:
    """An optimizer's rule, in place: True, or False where it would be another rule for these numbers."""

    def __init__(self, program, places, floats, hold):
        self.program, self.places = program, places
        self.floats, self.hold = floats, hold  # the kernel's numbers from those of a call; whether the rule is the traced one for them
        self.pack = struct.Struct(f"{program.plan.numbers}d").pack_into
        self.frames = [_Frame(program, places)]
        moved = sum(b.nbytes for b in program.plan.buffers if b.kind == "input")
        self.alone = moved < 1 << 20  # bytes below which a second thread isn't worth its waking

    def __call__(self, arrays, numbers) -> bool:
        if not self.hold(numbers):
            return False
        try:
            frame = self.frames.pop()
        except IndexError:
            frame = _Frame(self.program, self.places)
        view = frame.view
        for place, places in frame.inputs:
            address = address_of(arrays[place])
            for at in places:
                view[at] = address
        self.pack(frame.numbers, 0, *self.floats(numbers))
        if self.alone:
            frame.job.most = 1
        if self.program.arena:
            room = _room(self.program.arena)
            frame.place(room)
            frame.job()
            _back(room)
        else:
            frame.job()
        self.frames.append(frame)
        return True
