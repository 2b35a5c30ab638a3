"""Long stories made short: layers that repeat are told once, and of what is left only the beginning and the end."""

from dataclasses import dataclass


@dataclass
class Group:
    """Neighbouring steps; `left_out` where they are only counted. `times`: how often `period` steps are repeated in them."""

    steps: list
    left_out: bool = False
    times: int = 0
    period: int = 0


def folded(steps: list, limit: int | None) -> list[Group]:
    """The steps in groups, so that about `limit` of them are told (None: all)."""
    heavy = sum(1 + len(s.passages) for s in steps)  # a recurrent cell hands seven gradients on
    if limit is None or (len(steps) <= limit and heavy <= 4 * limit):
        return [Group(list(steps))]
    groups: list[Group] = []
    i, told = 0, []
    keys = [(s.op, tuple(s.shapes), len(s.given), len(s.passages)) for s in steps]
    while i < len(steps):
        times, period = _repeats(keys, i)
        if times >= 2:
            told += steps[i : i + period]
            groups.append(Group(told))
            told = []
            groups.append(Group(steps[i + period : i + period * (times + 1)], True, times, period))
            i += period * (times + 1)
        else:
            told.append(steps[i])
            i += 1
    if told:
        groups.append(Group(told))
    return _cut(groups, limit)


def _repeats(keys: list, i: int) -> tuple[int, int]:
    """(how often what starts at i comes again at once, its length), the repetition that saves most."""
    best = (0, 1)
    for period in range(1, min(60, (len(keys) - i) // 3 + 1)):
        times = 0
        while keys[i + (times + 1) * period : i + (times + 2) * period] == keys[i : i + period]:
            times += 1
        if times >= 2 and times * period > best[0] * best[1]:
            best = (times, period)
    return best


def _cut(groups: list[Group], limit: int) -> list[Group]:
    told = [s for g in groups if not g.left_out for s in g.steps]
    if len(told) <= limit:
        return groups
    first, last = set(map(id, told[: limit // 2])), set(map(id, told[-(limit - limit // 2) :]))
    out: list[Group] = []
    for g in groups:
        if g.left_out:
            parts = [(g.steps, None)]
        else:
            parts = []
            for s in g.steps:
                shown = id(s) in first or id(s) in last
                if parts and parts[-1][1] == shown:
                    parts[-1][0].append(s)
                else:
                    parts.append(([s], shown))
        for steps, shown in parts:
            if shown:
                out.append(Group(steps))
            elif shown is False and out and out[-1].left_out:
                out[-1] = Group(out[-1].steps + steps, True)
            elif shown is None and out and out[-1].left_out:
                out[-1] = Group(out[-1].steps + steps, True)
            else:
                out.append(Group(steps, True, g.times if shown is None else 0, g.period))
    return out
