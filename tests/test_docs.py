"""Every example in the documents is run, and every file that they link to is there."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
MADE = ROOT / "docs" / "ops"  # by tools/make_op_docs.py, which runs the examples: tests/explain/test_op_docs.py


@pytest.mark.parametrize("page", [p for p in PAGES if MADE not in p.parents], ids=lambda p: str(p.relative_to(ROOT)))
def test_examples(page):
    from lightwell.ops.op import registry

    known = set(registry)
    try:
        result = doctest.testfile(str(page), module_relative=False, encoding="utf-8", optionflags=doctest.NORMALIZE_WHITESPACE)
    finally:
        for name in set(registry) - known:  # adding-an-op.md adds one
            del registry[name]
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
