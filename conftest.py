"""Tests and doctests run in English, whatever the machine's locale; those of the other language choose it themselves."""

import os

import pytest

os.environ["LIGHTWELL_LANG"] = "en"


@pytest.fixture(autouse=True)
def _language_as_it_was():
    yield
    import sys

    language = sys.modules.get("lightwell.language")
    if language is not None:
        language.set_language(None)
