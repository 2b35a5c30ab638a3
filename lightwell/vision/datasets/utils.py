"""Files of datasets: where they lie, their checksums, and downloading them safely."""

import os
from pathlib import Path


def data_root(root=None) -> str:
    """The folder for data: the one asked for, or ``$LIGHTWELL_DATA``, or the user's cache."""
    if root is not None:
        return os.path.expanduser(os.fspath(root))
    told = os.environ.get("LIGHTWELL_DATA")
    if told:
        return os.path.expanduser(told)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(Path.home(), ".cache")
    return os.path.join(cache, "lightwell", "data")


def calculate_md5(fpath, chunk_size: int = 1024 * 1024) -> str:
    """The MD5 sum of a file, in hexadecimal."""
    import hashlib

    digest = hashlib.md5(usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def check_integrity(fpath, md5: str | None = None) -> bool:
    """Whether the file is there and, where a sum is given, has that sum."""
    return os.path.isfile(fpath) and (md5 is None or calculate_md5(fpath) == md5)


def download(urls, path, md5=None, quiet=False) -> None:
    """Fetch a file from the first of several addresses that gives it with the right checksum.

    The bytes go to a file beside ``path`` that takes its name only when complete. Raises RuntimeError that names every
    address tried and what went wrong there.
    """
    if check_integrity(path, md5):
        return
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise RuntimeError(f"cannot make the folder {folder} for the download: {error}") from error
    failures = []
    for url in urls:
        try:
            _fetch(url, path, folder, md5, quiet)
            return
        except (OSError, ValueError) as error:
            failures.append(f"  {url}: {error}")
    raise RuntimeError(
        f"could not download {os.path.basename(path)}; tried\n" + "\n".join(failures) + "\n"
        f"Put the file into {folder} by hand, or name a folder that has it by root or LIGHTWELL_DATA."
    )


def _fetch(url, path, folder, md5, quiet):
    """One attempt: download beside the target, check, rename."""
    import hashlib
    import tempfile
    import urllib.request

    handle, part = tempfile.mkstemp(dir=folder, prefix=os.path.basename(path) + ".", suffix=".part")
    try:
        digest = hashlib.md5(usedforsecurity=False)
        request = urllib.request.Request(url, headers={"User-Agent": "lightwell"})
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(request, timeout=30) as reply:
            total = int(reply.headers.get("Content-Length") or 0)
            done, shown = 0, None
            while chunk := reply.read(256 * 1024):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                shown = None if quiet else _show(path, done, total, shown)
            if not quiet:
                _show(path, done, total, None, end="\n")
            file.flush()
            os.fsync(file.fileno())
        if total and done != total:
            raise OSError(f"the connection ended after {done} of {total} bytes")
        if md5 is not None and digest.hexdigest() != md5:
            raise ValueError(f"wrong checksum: MD5 is {digest.hexdigest()}, expected {md5}")
        os.chmod(part, 0o644)  # mkstemp gives a file only its owner may read
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise


def _show(path, done, total, shown, end=""):
    """Progress on one line of the terminal, or only the end of it in a log."""
    import sys

    percent = done * 100 // total if total else None
    if (percent is not None and percent == shown and not end) or not (sys.stderr.isatty() or end):
        return shown
    part = f"{percent} %" if percent is not None else ""
    lead = "\r" if sys.stderr.isatty() else ""
    print(f"{lead}{os.path.basename(path)}: {done / 1e6:.1f} MB {part}", end=end, file=sys.stderr, flush=True)
    return percent


def safe_extract(archive, folder) -> None:
    """Unpack a .zip or .tar(.gz) whose members all stay inside the folder."""
    import tarfile
    import zipfile

    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            pack.extractall(folder)  # zipfile itself drops absolute paths and '..'
    else:
        with tarfile.open(archive) as pack:
            pack.extractall(folder, filter="data")
