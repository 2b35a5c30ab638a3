"""What the catalogue says of one kind of mistake: its code, what it means, why it happens and how it is mended, in both languages."""

from dataclasses import dataclass

from ..language import say

__all__ = ["Entry"]

Pair = tuple[str, str]


@dataclass(frozen=True)
class Entry:
    """One kind of mistake. Texts are pairs (English, Chinese); they are plain text in which `code` stands in backquotes.

    `code` never changes once it is given. `example` is a program that makes the mistake (it may import lightwell as torch) and `better`
    one that does it right; the tests run both. `matches` are pieces of the messages of the errors meant, "…" standing for what
    varies; `where` are places in the package, such as "nn.functional", for which the entry speaks where no message matches.

    >>> from lightwell.errors.entry import Entry
    >>> e = Entry("LW000", ("nothing", "无"), ("There is no cause.", "没有原因。"), ("Go on.", "继续。"), matches=("nothing … here",))
    >>> e.match("there is nothing at all in here")
    11
    """

    code: str
    title: Pair
    cause: Pair
    mend: Pair
    example: str = ""
    better: str = ""
    matches: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    related: tuple[str, ...] = ()  # names as the user writes them: "torch.matmul", "nn.Linear"
    short: Pair | None = None  # the mend in a line, where a traceback has no room for all of it

    def match(self, message: str) -> int:
        """How much of an error's message is this entry's: the letters of the longest piece that matches; 0 where none does."""
        return max((_letters(piece) for piece in self.matches if _occurs(piece, message)), default=0)

    def text(self, part: str) -> str:
        """A part ("title", "cause", "mend", "short") in the language in use."""
        pair = getattr(self, part)
        return say(*pair) if pair else ""


REACH = 160  # letters that "…" may stand for


def _letters(piece: str) -> int:
    return len(piece.replace("…", "").replace(" ", ""))


def _occurs(piece: str, message: str) -> bool:
    """Whether the parts of a piece occur in a message one after the other, none too far behind the one before."""
    first, *rest = [part.strip() for part in piece.split("…")]
    start = message.find(first)
    while start >= 0:
        at = start + len(first)
        for part in rest:
            found = message.find(part, at, at + REACH + len(part))
            if found < 0:
                break
            at = found + len(part)
        else:
            return True
        start = message.find(first, start + 1) if first else -1
    return False
