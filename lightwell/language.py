"""The language that explanations, lessons and warnings are written in: English or Chinese. What PyTorch itself says stays as PyTorch says it."""

import os

from .errors.teaching import ValueError

__all__ = ["get_language", "set_language"]

_LANGUAGES = {"en": "en", "english": "en", "zh": "zh", "chinese": "zh", "中文": "zh"}
_chosen: str | None = None


def set_language(language: str | None) -> None:
    """Choose the language of explanations: "en" or "zh" (also "zh_CN", "中文"); None: as LIGHTWELL_LANG or the locale says.

    ValueError: another language.

    >>> import lightwell
    >>> lightwell.set_language("zh"); lightwell.get_language()
    'zh'
    >>> lightwell.set_language("en")
    """
    global _chosen
    found = None if language is None else _known(language)
    if language is not None and found is None:
        raise ValueError(f"set_language(): argument 'language' must be 'en', 'zh' or None, not {language!r}")
    _chosen = found


def get_language() -> str:
    """The language in use: what `set_language` chose, else LIGHTWELL_LANG, else the locale's; "en" where none of them is known."""
    if _chosen is not None:
        return _chosen
    for name in ("LIGHTWELL_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        found = _known(os.environ.get(name) or "")
        if found:
            return found
    return "en"


def say(en: str, zh: str) -> str:
    """The one of two texts that is in the language in use."""
    return zh if get_language() == "zh" else en


def _known(language: str) -> str | None:
    word = language.strip().lower()
    return _LANGUAGES.get(word) or _LANGUAGES.get(word.replace("-", "_").split("_")[0].split(".")[0])
