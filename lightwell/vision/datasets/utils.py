"""Files of datasets: where they lie, their checksums, and downloading them safely."""

import builtins
import os
from pathlib import Path

from lightwell.errors.teaching import ModuleNotFoundError, OSError, RuntimeError, ValueError


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
    except builtins.OSError as error:
        raise RuntimeError(f"cannot make the folder {folder} for the download: {error}") from error
    failures = []
    for url in urls:
        try:
            _fetch(url, path, folder, md5, quiet)
            return
        except (builtins.OSError, builtins.ValueError) as error:
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
    """Unpack a .zip or .tar (packed or not) whose members all stay inside the folder."""
    import tarfile
    import zipfile

    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            pack.extractall(folder)  # zipfile itself drops absolute paths and '..'
    else:
        with tarfile.open(archive) as pack:
            pack.extractall(folder, filter="data")


def check_md5(fpath, md5: str, **kwargs) -> bool:
    """Whether the file has that MD5 sum."""
    return md5 == calculate_md5(fpath, **kwargs)


def download_url(url: str, root, filename=None, md5: str | None = None, max_redirect_hops: int = 3) -> None:
    """Fetch a file into the folder ``root``, under the name in its address or ``filename``; it is checked where a sum is given.

    A file that is there with the right sum is left alone. Raises RuntimeError where it cannot be fetched.
    """
    download([url], os.path.join(os.path.expanduser(root), filename or os.path.basename(url)), md5)


def download_file_from_google_drive(file_id: str, root, filename=None, md5: str | None = None) -> None:
    """Fetch a shared file of Google Drive into the folder ``root``; use as ``download_url``."""
    download_url(f"https://drive.usercontent.google.com/download?id={file_id}&confirm=t", root, filename or file_id, md5)


_PACKERS = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}


def extract_archive(from_path, to_path=None, remove_finished: bool = False):
    """Unpack a .zip or .tar (.gz, .bz2, .xz) into a folder, or a single packed file, beside itself by default.

    Members that would land outside the folder are refused. Gives the folder or file made. Raises RuntimeError for others.

    >>> import os, tempfile, zipfile
    >>> from lightwell.vision.datasets.utils import extract_archive
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with zipfile.ZipFile(os.path.join(folder, "a.zip"), "w") as pack:
    ...         pack.writestr("b.txt", "c")
    ...     where = extract_archive(os.path.join(folder, "a.zip"), os.path.join(folder, "out"))
    ...     os.listdir(where)
    ['b.txt']
    """
    import importlib
    import shutil
    import tarfile
    import zipfile

    path = os.path.expanduser(os.fspath(from_path))
    if zipfile.is_zipfile(path) or tarfile.is_tarfile(path):
        target = os.path.dirname(path) if to_path is None else os.fspath(to_path)
        os.makedirs(target or ".", exist_ok=True)
        safe_extract(path, target or ".")
    else:
        stem, ending = os.path.splitext(path)
        if ending not in _PACKERS:
            raise RuntimeError(f"extract_archive: {path} is no .zip, .tar, .gz, .bz2 or .xz file that can be read")
        target = stem if to_path is None else os.fspath(to_path)
        with importlib.import_module(_PACKERS[ending]).open(path, "rb") as source, open(target, "wb") as file:
            shutil.copyfileobj(source, file)
    if remove_finished:
        os.remove(path)
    return target


def download_and_extract_archive(url, download_root, extract_root=None, filename=None, md5=None, remove_finished=False) -> None:
    """``download_url``, then ``extract_archive`` into ``extract_root`` (the folder of the download)."""
    folder = os.path.expanduser(download_root)
    download_url(url, folder, filename, md5)
    extract_archive(os.path.join(folder, filename or os.path.basename(url)), extract_root or folder, remove_finished)


def list_dir(root, prefix: bool = False) -> list[str]:
    """The folders in a folder, sorted, with its path before them where ``prefix``."""
    found = sorted(entry.name for entry in os.scandir(os.path.expanduser(root)) if entry.is_dir())
    return [os.path.join(root, name) for name in found] if prefix else found


def list_files(root, suffix, prefix: bool = False) -> list[str]:
    """The files in a folder whose names end so, sorted, with its path before them where ``prefix``."""
    found = sorted(entry.name for entry in os.scandir(os.path.expanduser(root)) if entry.is_file() and entry.name.endswith(suffix))
    return [os.path.join(root, name) for name in found] if prefix else found


def verify_str_arg(value, arg=None, valid_values=None, custom_msg=None):
    """The value, where it is one of the valid strings. Raises ValueError otherwise."""
    if not isinstance(value, str):
        raise ValueError(f"Expected type str{f' for argument {arg}' if arg else ''}, but got type {type(value)}.")
    if valid_values is not None and value not in valid_values:
        raise ValueError(
            custom_msg or f"Unknown value '{value}' for argument {arg}. Valid values are {{{', '.join(map(repr, valid_values))}}}."
        )
    return value


def absent(dataset: str, where) -> RuntimeError:
    """The error of a dataset whose files are missing or damaged."""
    return RuntimeError(f"{dataset}: dataset not found or corrupted in {where}. You can use download=True to download it")


def load_mat(path, **options):
    """A MATLAB file, read by SciPy; raises ModuleNotFoundError that says how to install it."""
    try:
        from scipy.io import loadmat
    except builtins.ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"reading {path} needs SciPy: pip install scipy", name="scipy") from error
    return loadmat(path, **options)
