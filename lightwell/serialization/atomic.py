"""Writing a file so that a crash at any moment leaves either the old file or the new one, never half of one."""

import os
import stat

from ..errors.teaching import RuntimeError


class atomic_file:
    """Open `path` for writing bytes; the file appears under its name only once everything was written and synced.

    The bytes go to a temporary file in the same folder, which is renamed over `path` at a clean exit and removed when
    the block raises. What is not a regular file (a pipe, /dev/null) is written directly, as there is nothing to keep.
    """

    def __init__(self, path):
        self.path = os.path.realpath(os.fsdecode(path))

    def __enter__(self):
        folder, name = os.path.split(self.path)
        if not os.path.isdir(folder):
            raise RuntimeError(f"save: parent directory {folder} does not exist; make it first with os.makedirs")
        if os.path.isdir(self.path):
            raise RuntimeError(f"save: {self.path} is a directory; name a file in it")
        try:
            mode = os.stat(self.path).st_mode
        except FileNotFoundError:
            mode = None
        self.temporary = None
        if mode is not None and not stat.S_ISREG(mode):
            self.file = open(self.path, "wb")
            return self.file
        self.temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}.{os.urandom(6).hex()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(self.temporary, flags, 0o666)
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(handle, stat.S_IMODE(mode))
        self.file = os.fdopen(handle, "wb")
        return self.file

    def __exit__(self, kind, value, trace):
        if self.temporary is None:
            self.file.close()
            return
        try:
            try:
                if kind is None:
                    self.file.flush()
                    os.fsync(self.file.fileno())
            finally:
                self.file.close()
            if kind is None:
                os.replace(self.temporary, self.path)
                self.temporary = None
        finally:
            if self.temporary is not None:
                os.unlink(self.temporary)
        if kind is None and os.name == "posix":  # the rename itself lives in the folder
            folder = os.open(os.path.dirname(self.path), os.O_RDONLY)
            try:
                os.fsync(folder)
            except OSError:
                pass  # some network file systems can't sync folders
            finally:
                os.close(folder)
