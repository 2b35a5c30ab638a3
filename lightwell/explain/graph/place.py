"""From grids to coordinates, for one choice of what is folded. The page does the same sums in `page.js`; a test compares the two."""

from dataclasses import dataclass, field
from itertools import pairwise

from .cell import BACKWARD, FORWARD, MIDDLE, Sprite
from .fold import Group
from .layout import DUMMY, ENTRY, EXIT, GROUP, LEAF, OP, OUTPUT, Grid, Member, Segment

GAP_X, GAP_Y, PAD, TITLE, NARROW = (
    18,
    30,
    14,
    26,
    16,
)  # between columns, between rows, inside frames, a frame's title, half a long edge's column


@dataclass(eq=False)
class Placed:
    """A group that is unfolded: its grid's lines, measured from its own corner, and the groups inside it."""

    grid: Grid
    x: list = field(default_factory=list)  # of each column, the line between the two lanes
    y: list = field(default_factory=list)
    heights: list = field(default_factory=list)
    wide: list = field(default_factory=list)
    width: float = 0
    height: float = 0
    inside: dict = field(default_factory=dict)  # Member -> Placed

    @property
    def left(self) -> float:
        """How far the frame reaches to the left of its spine."""
        return self.x[self.grid.spine]


@dataclass
class Drawing:
    """Everything with its coordinates, in the order in which it is drawn."""

    width: float = 0
    height: float = 0
    frames: list = field(default_factory=list)  # (Group, x, y, width, height)
    cells: list = field(default_factory=list)  # (Member, x, y)
    edges: list = field(default_factory=list)  # (Segment, path forward, whether it ends in an arrow, path back or "", arrow)


class Places:
    """Coordinates of everything that is in view."""

    def __init__(self, grids: dict, sprites: dict, backward: bool):
        self.grids, self.sprites, self.backward = grids, sprites, backward
        self.lane = -(MIDDLE + FORWARD) / 2 if backward else 0.0
        self.back = (MIDDLE + BACKWARD) / 2

    def sprite(self, m: Member) -> Sprite:
        """The box of a member."""
        return self.sprites[id(m.what)]

    def open(self, m: Member) -> bool:
        """Whether a member is a group that is unfolded."""
        return m.kind == GROUP and not m.what.folded

    def measure(self, group: Group) -> Placed:
        """A group's size and lines, after those of the groups inside."""
        grid = self.grids[group.id]
        p = Placed(grid)
        size: dict = {}
        p.heights, p.wide = [0.0] * grid.rows, [False] * grid.columns
        for m in grid.members:
            if m.kind not in (DUMMY, ENTRY, EXIT):
                p.wide[m.column] = True
        for m in grid.members:
            high = 0.0
            if self.open(m):
                q = p.inside[m] = self.measure(m.what)
                size[m], high = (q.left, q.width - q.left), q.height
            elif m.kind in (DUMMY, ENTRY, EXIT) and not (m.straight and p.wide[m.column]):
                size[m] = (float(NARROW), float(NARROW))
            elif self.backward:
                size[m] = (FORWARD + MIDDLE / 2, BACKWARD + MIDDLE / 2)
            else:
                size[m] = (FORWARD / 2, FORWARD / 2)
            if m.kind not in (DUMMY, ENTRY, EXIT) and m not in p.inside:
                high = self.sprite(m).whole
            p.heights[m.row] = max(p.heights[m.row], high)
        p.x, p.width = _lines(grid, size)
        y = float(TITLE if group.parent is not None else PAD)
        for r in range(grid.rows):
            p.y.append(y)
            rim = (not p.heights[r] and r == 0) or (r == grid.rows - 2 and not p.heights[-1])  # a row of ports is next
            y += p.heights[r] + (GAP_Y / 2 if rim else GAP_Y)
        p.height = p.y[-1] + p.heights[-1] + (PAD if p.heights[-1] else 2)
        return p

    def draw(self, root: Group) -> Drawing:
        """All that is in view below `root`."""
        placed = self.measure(root)
        d = Drawing(placed.width, placed.height)
        self._draw(placed, 0.0, 0.0, d)
        return d

    def _draw(self, p: Placed, ox: float, oy: float, d: Drawing) -> None:
        corners: dict = {}
        for m in p.grid.members:
            x, y = ox + p.x[m.column], oy + p.y[m.row]
            if m in p.inside:
                q = p.inside[m]
                corners[m] = (x - q.left, y + (p.heights[m.row] - q.height) / 2)
                d.frames.append((m.what, *corners[m], q.width, q.height))
                self._draw(q, *corners[m], d)
            elif m.kind in (OP, GROUP, LEAF, OUTPUT):
                s = self.sprite(m)
                corners[m] = (x, y + (p.heights[m.row] - s.whole) / 2)
                d.cells.append((m, *corners[m]))
        coming: dict = {}
        drawn: dict = {}  # of several ways between two boxes one is enough
        for s in p.grid.segments:
            closed = s.start not in p.inside and s.end not in p.inside
            first = drawn.setdefault((s.start, s.end, s if not closed else None), [s, False])
            first[1] = first[1] or s.grad
        for s, _ in drawn.values():
            near = s.dummies[-1] if s.dummies else s.start
            coming.setdefault(s.end, []).append((ox + p.x[near.column], s))
        shift: dict = {}
        for m, ways in coming.items():
            x = ox + p.x[m.column]
            step = min(12.0, 140 / len(ways))
            lefts = sorted((w for w in ways if w[0] < x - 1), key=lambda w: -w[0])
            rights = sorted((w for w in ways if w[0] > x + 1), key=lambda w: w[0])
            straight = [w for w in ways if abs(w[0] - x) <= 1]
            for k, (_, s) in enumerate(straight):
                shift[s] = (k - (len(straight) - 1) / 2) * step
            room = step * (len(straight) - 1) / 2 if straight else -step / 2
            for k, (_, s) in enumerate(lefts):
                shift[s] = -(room + step * (k + 1)) if straight or rights or len(lefts) > 1 else 0.0
            for k, (_, s) in enumerate(rights):
                shift[s] = room + step * (k + 1) if straight or lefts or len(rights) > 1 else 0.0
        for s, grad in drawn.values():
            d.edges.append(self._edge(p, s, grad, ox, oy, corners, shift[s]))

    def _lane(self, p: Placed, m: Member, back: bool) -> float:
        """The place of a lane beside the line of a member's column."""
        if (m.kind == DUMMY and not m.straight) or (m.kind in (DUMMY, ENTRY, EXIT) and not p.wide[m.column]):
            return 0.0 if not self.backward else 6.0 if back else -6.0
        return self.back if back else self.lane

    def _end(self, p: Placed, s: Segment, m: Member, ox, oy, corners, back: bool, low: bool) -> tuple:
        """Where a segment leaves (`low`) or reaches a member: the point, and whether an arrow may stand there."""
        if m in p.inside:
            q, (cx, cy) = p.inside[m], corners[m]
            inner = s.exit if low else s.entry
            assert inner is not None  # a segment that ends at a group has a port there
            return cx + q.x[inner.column] + self._lane(q, inner, back), cy + (q.height if low else 0), False
        x = ox + p.x[m.column] + self._lane(p, m, back)
        if m.kind in (ENTRY, EXIT):
            if m.kind == ENTRY:
                return x, oy, False
            return x, oy + p.height, False
        y = corners[m][1] if m in corners else oy + p.y[m.row]
        return x, y + (self.sprite(m).height if low else 0), True

    def _edge(self, p: Placed, s: Segment, grad: bool, ox, oy, corners, shift: float) -> tuple:
        paths = []
        for back in (False, True):
            if back and not (grad and self.backward):
                paths += ["", False]
                continue
            x, y, tail = self._end(p, s, s.start, ox, oy, corners, back, True)
            x2, y2, head = self._end(p, s, s.end, ox, oy, corners, back, False)
            if head:
                x2 += shift
            r = s.start.row
            points = [(x, y), (x, oy + p.y[r] + p.heights[r])]
            for m in s.dummies:
                dx = ox + p.x[m.column] + self._lane(p, m, back)
                points += [(dx, oy + p.y[m.row]), (dx, oy + p.y[m.row] + p.heights[m.row])]
            points += [(x2, oy + p.y[s.end.row]), (x2, y2)]
            paths += [curve(points), tail if back else head]
        return (s, *paths)


def _lines(grid: Grid, size: dict) -> tuple[list, float]:
    """The columns' lines and the width: columns stand as close to the spine as the neighbours in each row allow."""
    need: dict = {}
    for a, b in pairwise(grid.members):  # in the order of the rows
        if a.row == b.row:
            key = (a.column, b.column)
            need[key] = max(need.get(key, 0.0), size[a][1] + GAP_X + size[b][0])
    x = [0.0] * grid.columns
    for c in range(grid.spine + 1, grid.columns):
        x[c] = max([x[c - 1] + NARROW] + [x[i] + n for (i, j), n in need.items() if j == c and i >= grid.spine])
    for c in range(grid.spine - 1, -1, -1):
        x[c] = min([x[c + 1] - NARROW] + [x[j] - n for (i, j), n in need.items() if i == c])
    first = min(x[m.column] - size[m][0] for m in grid.members)
    last = max(x[m.column] + size[m][1] for m in grid.members)
    return [v - first + PAD for v in x], last - first + 2 * PAD


def curve(points: list) -> str:
    """A path through points: straight down where the next lies below, a bend otherwise."""
    x, y = points[0]
    path = [f"M{_n(x)} {_n(y)}"]
    for x2, y2 in points[1:]:
        if abs(x2 - x) < 0.5:
            if abs(y2 - y) > 0.01:
                path.append(f"L{_n(x2)} {_n(y2)}")
        else:
            mid = (y + y2) / 2
            path.append(f"C{_n(x)} {_n(mid)} {_n(x2)} {_n(mid)} {_n(x2)} {_n(y2)}")
        x, y = x2, y2
    return "".join(path)


def _n(v: float) -> str:
    return f"{v:.1f}".removesuffix(".0")
