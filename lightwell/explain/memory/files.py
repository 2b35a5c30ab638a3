"""Writing a text to a file, whole or not at all."""

import os
import tempfile


def write_text(path, text: str) -> None:
    """Write `text` to the file in UTF-8: first beside it, then in its place, so that no half-written file is ever seen."""
    path = os.fspath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".lightwell-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
