"""A compiled program as eager operations call it: addresses into a table, one native call, fresh arrays out (see `fast.py`)."""

import struct
from typing import Any

import numpy as np

from ..compile import runtime

ALIGN = 64
ROOM = 1 << 26  # bytes of scratch memory kept between calls; more is let go at once
_rooms: list = []  # scratch memory that nobody uses now


class _Frame:
    """The tables of one call of a program. Two calls at the same time have two."""

    def __init__(self, program):
        plan = program.plan
        self.keep = [np.zeros(max(plan.numbers, 1))]
        self.numbers: Any = self.keep[0]
        base = self.numbers.__array_interface__["data"][0]
        table: list[int] = []
        starts = []
        self.inputs: dict[int, list[int]] = {}
        self.results: dict[int, list[int]] = {}
        room: list[tuple[int, int]] = []
        for s in program.steps:
            starts.append(len(table))
            table.append(base)
            for number in s.kernel.operands:
                b = plan.buffers[number]
                if b.kind == "input":
                    self.inputs.setdefault(b.slot, []).append(len(table))
                elif b.kind == "result":
                    self.results.setdefault(b.slot, []).append(len(table))
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
        base = -(-room.__array_interface__["data"][0] // ALIGN) * ALIGN
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
    """Results from arrays: fresh ones, in a list with None for those that are None; None alone where an index is out of range."""

    def __init__(self, program, checks, nothing, count, one):
        self.program, self.checks = program, checks
        self.most = None  # 1: one thread runs it
        self.count, self.one = count, one  # how many results are the operation's own; whether that is one alone, in no list
        plan = program.plan
        self.arena = program.arena
        first = _Frame(program)
        self.frames = [first]
        kinds = iter([plan.buffers[b] for b in plan.results])
        self.pick: list = []  # of each result: None, the slot of the array to be made, or -1 - slot of the input that it is
        for none in nothing:
            if none:
                self.pick.append(None)
                continue
            b = next(kinds)
            if b.kind not in ("result", "input"):
                raise ValueError("a result that is no array of its own")
            self.pick.append(b.slot if b.kind == "result" else -1 - b.slot)
        self.outs = sorted((b.slot, b.shape, b.dtype) for b in plan.buffers if b.kind == "result")
        self.single = len(self.outs) == 1 and len(self.pick) == 1 and self.pick[0] is not None and self.pick[0] >= 0

    def result(self, made, told):
        """The results as the formula gives them; what it appends to a list of the caller's goes there."""
        if told is not None:
            told.extend(made[self.count :])
            made = made[: self.count]
        return made[0] if self.one else made

    def __call__(self, arrays):
        for slot, low, high in self.checks:
            a = _given(arrays, slot)
            if a.size and not (a.min() >= low and a.max() < high):
                return None
        try:
            frame = self.frames.pop()
        except IndexError:  # another thread is in the kernel
            frame = _Frame(self.program)
        view, slot = frame.view, 0
        inputs, results = frame.inputs, frame.results
        for a in arrays:
            if a is not None:
                places = inputs.get(slot)
                if places is not None:
                    address = a.__array_interface__["data"][0]
                    for place in places:
                        view[place] = address
                slot += 1
        made = {}
        for slot, shape, dtype in self.outs:
            made[slot] = a = np.empty(shape, dtype)
            places = results.get(slot)
            if places is not None:
                address = a.__array_interface__["data"][0]
                for place in places:
                    view[place] = address
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
        if self.single:
            return [a]
        return [None if p is None else made[p] if p >= 0 else _given(arrays, -1 - p) for p in self.pick]


def _given(arrays, slot):
    """The input of a slot: the slots count the arrays that aren't None."""
    for a in arrays:
        if a is not None:
            if not slot:
                return a
            slot -= 1
    raise IndexError


class Update:
    """An optimizer's rule, in place: True, or False where it would be another rule for these numbers."""

    def __init__(self, program, places, floats, hold):
        self.program, self.places = program, places
        self.floats, self.hold = floats, hold  # the kernel's numbers from those of a call; whether the rule is the traced one for them
        self.pack = struct.Struct(f"{program.plan.numbers}d").pack_into
        self.frames = [_Frame(program)]
        moved = sum(b.nbytes for b in program.plan.buffers if b.kind == "input")
        self.alone = moved < 1 << 20  # bytes below which a second thread isn't worth its waking

    def __call__(self, arrays, numbers) -> bool:
        if not self.hold(numbers):
            return False
        try:
            frame = self.frames.pop()
        except IndexError:
            frame = _Frame(self.program)
        view = frame.view
        for slot, places in frame.inputs.items():
            address = arrays[self.places[slot]].__array_interface__["data"][0]
            for place in places:
                view[place] = address
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
