"""Files of text datasets and vectors: where they lie, downloads that are whole or not there, members of archives."""

import builtins
import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.request
import zipfile

from lightwell.errors.teaching import OSError, RuntimeError


def data_folder(root, name: str) -> str:
    """`root`/datasets/`name` as torchtext has it; without a root, in the folder where this package keeps all data."""
    if root is None:
        from lightwell.vision.datasets.utils import data_root

        root = data_root()
    return os.path.join(os.path.expanduser(os.fspath(root)), "datasets", name)


def write_whole(path: str, write) -> None:
    """Call `write(binary file)` on a file beside `path` that takes its name when complete."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=folder, prefix=os.path.basename(path) + ".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.chmod(part, 0o644)  # mkstemp gives a file only its owner may read
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def fetch(url: str, path: str, checksum: str | None = None) -> str:
    """`path`, downloaded from `url` where it isn't there; `checksum` is an MD5 or SHA-256 sum in hexadecimal.

    RuntimeError where the download fails or the sum is another; nothing is left behind then.
    """
    if os.path.isfile(path):
        return path

    def write(file):
        digest = hashlib.sha256() if checksum is not None and len(checksum) == 64 else hashlib.md5(usedforsecurity=False)
        done = 0
        with urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": "lightwell"}), timeout=30) as reply:
            while chunk := reply.read(1 << 18):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
            expected = reply.headers.get("Content-Length")
        if expected is not None and done != int(expected):
            raise OSError(f"the connection ended after {done} of {expected} bytes")
        if checksum is not None and digest.hexdigest() != checksum:
            raise OSError(f"wrong checksum: {digest.hexdigest()}, expected {checksum}")

    try:
        write_whole(path, write)
    except builtins.OSError as error:
        raise RuntimeError(
            f"could not download {url}: {error}. Put the file to {path} by hand, or its contents beside it; "
            "or name a folder that has it by root= (cache= for vectors)."
        ) from error
    return path


def member(archive: str, wanted: str, path: str) -> str:
    """`path`, written from the archive's member whose name ends with `wanted` where it isn't there; RuntimeError without one."""
    if os.path.isfile(path):
        return path
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            for name in pack.namelist():
                if ("/" + name).endswith("/" + wanted):
                    with pack.open(name) as source:
                        write_whole(path, lambda file: shutil.copyfileobj(source, file))
                    return path
    else:
        with tarfile.open(archive) as pack:
            for info in pack:
                if info.isfile() and ("/" + info.name).endswith("/" + wanted):
                    source = pack.extractfile(info)
                    write_whole(path, lambda file: shutil.copyfileobj(source, file))
                    return path
    raise RuntimeError(f"{archive} has no file {wanted}")


def extract(archive: str, folder: str) -> None:
    """Unpack a .zip or .tar(.gz) whose members all stay inside the folder."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            pack.extractall(folder)  # zipfile itself drops absolute paths and '..'
    else:
        with tarfile.open(archive) as pack:
            pack.extractall(folder, filter="data")
