"""What the lint found: each finding with its code, the user's line and what to do; how they are silenced, printed and written as JSON."""

import json
from dataclasses import dataclass

from ...errors.teaching import ValueError
from ...language import say
from . import source

__all__ = ["Finding", "LintWarning", "Report"]


class LintWarning(UserWarning):
    """A mistake that raises no error. `warnings.filterwarnings("ignore", category=LintWarning)` silences them all.

    >>> import lightwell.explain.lint
    >>> issubclass(lightwell.explain.lint.LintWarning, UserWarning)
    True
    """


@dataclass(frozen=True)
class Finding:
    """One mistake: `code`, the place (`file`, `line`, its `text`), and the sentence about it in both languages."""

    code: str
    file: str
    line: int
    message: tuple[str, str]

    @property
    def text(self) -> str:
        """The user's line."""
        return source.line_of(self.file, self.line).strip()

    @property
    def entry(self):
        """The catalogue's entry: title, cause, mend, examples."""
        from .rules import BY_CODE

        return BY_CODE[self.code]

    def __str__(self) -> str:
        entry = self.entry
        lines = [f"{source.shown(self.file)}:{self.line}: {self.code} {say(*entry.title)}"]
        if self.text:
            lines.append(f"    {self.text}")
        lines.append("  " + say(*self.message))
        lines.append("  " + say("Mend: ", "改法：") + say(*(entry.short or entry.mend)))
        return "\n".join(lines)

    def brief(self) -> str:
        """In one paragraph, for a warning: Python tells the place itself."""
        entry = self.entry
        return f"{self.code} {say(*entry.title)}. {say(*self.message)} {say('Mend: ', '改法：')}{say(*(entry.short or entry.mend))}"

    def as_dict(self) -> dict:
        """For JSON."""
        entry = self.entry
        return {
            "code": self.code, "file": source.shown(self.file), "line": self.line, "text": self.text, "title": say(*entry.title),
            "message": say(*self.message), "mend": say(*(entry.short or entry.mend)), "page": f"docs/errors/{self.code}.md",
        }  # fmt: skip


class Report:
    """The findings of one run, without repetitions and without those that are silenced."""

    def __init__(self, ignore=()):
        from .rules import BY_CODE

        ignore = [ignore] if isinstance(ignore, str) else list(ignore)
        self.ignored = {code.strip().upper() for item in ignore for code in item.split(",") if code.strip()}
        for code in sorted(self.ignored):
            if code not in BY_CODE:
                raise ValueError(f"lint(): argument 'ignore' names {code!r}; the codes are {', '.join(sorted(BY_CODE))}")
        self._found: dict = {}

    def add(self, code: str, place, en: str, zh: str) -> None:
        """Note a mistake at `place`, a (file, line) pair; one that is noted already, or silenced there, changes nothing."""
        file, line = place if place is not None else ("<unknown>", 0)
        if code in self.ignored or (code, file, line) in self._found or source.silenced(file, line, code):
            return
        self._found[code, file, line] = Finding(code, file, line, (en, zh))

    def has(self, code: str, place=None) -> bool:
        """Whether there is such a finding, anywhere or at that place."""
        return any(k[0] == code and (place is None or k[1:] == tuple(place)) for k in self._found)

    @property
    def findings(self) -> list:
        """In the order of the lines."""
        return sorted(self._found.values(), key=lambda f: (f.file, f.line, f.code))

    def __str__(self) -> str:
        found = self.findings
        if not found:
            return say("lint: nothing found.", "lint：没有发现问题。")
        n = len(found)
        count = say(f"{n} finding{'s' if n > 1 else ''}.", f"共 {n} 处。")
        codes = ",".join(dict.fromkeys(f.code for f in found))
        hint = say(
            f"Silence one by `# lw: ignore[{found[0].code}]` on its line, or everywhere by --ignore {codes}.",
            f"要忽略某一处，在那一行写 `# lw: ignore[{found[0].code}]`；要全部忽略，用 --ignore {codes}。",
        )
        return "\n\n".join([*(str(f) for f in found), count + say(" ", "") + hint])

    def json(self) -> str:
        """All findings as a JSON list."""
        return json.dumps([f.as_dict() for f in self.findings], ensure_ascii=False, indent=2)
