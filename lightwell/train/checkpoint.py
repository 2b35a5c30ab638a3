"""Saving a run's state so that a crash at any moment leaves either the old file or the new one, whole."""

import os

FORMAT = 1


def save(state: dict, path) -> None:
    """Write to a file beside the target, make sure that it is on the disk, then give it the name."""
    import tempfile

    import lightwell

    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            lightwell.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(part, 0o666 & ~umask)  # as an ordinary file would be; mkstemp's is for its owner alone
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
    if hasattr(os, "O_DIRECTORY"):
        folder_handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder_handle)  # the new name, too
        finally:
            os.close(folder_handle)


def load(path) -> dict:
    """The state in a file. Raises ValueError that says what is wrong with it."""
    import lightwell

    if not os.path.isfile(path):
        raise ValueError(f"--resume: there is no file {path}")
    try:
        state = lightwell.load(path)
    except Exception as error:
        raise ValueError(
            f"--resume: {path} cannot be read as a checkpoint ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT or "recipe" not in state:
        raise ValueError(f"--resume: {path} was not written by 'lightwell train' (or by another version of it)")
    return state
