"""Saving a run's state so that a crash at any moment leaves either the old file or the new one, whole."""

import os

from ..errors.teaching import ValueError

FORMAT = 1


def save(state: dict, path) -> None:
    """Write the state; `lightwell.save` puts the file under its name only once it is whole and on the disk."""
    import lightwell

    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    lightwell.save({"format": FORMAT, **state}, path)


def load(path) -> dict:
    """The state in a file. Raises ValueError that says what is wrong with it."""
    import lightwell

    if not os.path.isfile(path):
        raise ValueError(f"--resume: there is no file {path}")
    try:
        state = lightwell.load(path)
    except Exception as error:
        raise ValueError(f"--resume: {path} cannot be read as a checkpoint ({type(error).__name__}: {error})") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT or "recipe" not in state:
        raise ValueError(f"--resume: {path} was not written by 'lightwell train' (or by another version of it)")
    return state
