"""Write docs/errors/ from the catalogue of mistakes: a page for each code and an index, in English and (in zh/) in Chinese.

    python tools/make_error_docs.py            write them
    python tools/make_error_docs.py --check    say which differ, and exit with 1 if any does

The examples are run, and what they print is on the page.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def pages(run: bool = True) -> dict[str, str]:
    """The text of every file, by its path below docs/errors."""
    import lightwell
    from lightwell.errors import pages
    from lightwell.errors.catalogue import entries

    found = {}
    for language, folder in (("en", ""), ("zh", "zh/")):
        with pages.speaking(language):
            found[f"{folder}README.md"] = pages.index()
            for code in entries():
                lightwell.manual_seed(0)
                found[f"{folder}{code}.md"] = pages.page(code, run)
    return found


def write(path: Path, text: str) -> None:
    """Write a file, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a page is missing, old or left over")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "errors", help="where to (default: docs/errors)")
    options = parser.parse_args()
    made = pages()
    there = {str(p.relative_to(options.to).as_posix()) for p in options.to.rglob("*.md")} if options.to.exists() else set()
    differ = sorted(name for name, text in made.items() if name not in there or (options.to / name).read_text(encoding="utf-8") != text)
    left_over = sorted(there - set(made))
    if options.check:
        for name in (*differ, *left_over):
            print(f"docs/errors/{name} is {'left over' if name in left_over else 'not what tools/make_error_docs.py makes'}")
        return bool(differ or left_over)
    for name in differ:
        write(options.to / name, made[name])
    for name in left_over:
        (options.to / name).unlink()
    print(f"{len(made)} pages, {len(differ)} written, {len(left_over)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
