"""`torch.hub`: models from a repository's `hubconf.py`, and files from the web, kept in a folder of one's own."""

import errno
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import warnings
import zipfile
from urllib.parse import urlparse

from .errors.level import users_level
from .errors.teaching import FileNotFoundError, RuntimeError, ValueError

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

MODULE_HUBCONF = "hubconf.py"
READ_DATA_CHUNK = 128 * 1024
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
VAR_DEPENDENCY = "dependencies"
_hub_dir: str | None = None


# ---- the folder -----------------------------------------------------------------------------------------------------


def get_dir() -> str:
    """The folder for what is downloaded: what `set_dir` said, else `$TORCH_HOME/hub`, else `~/.cache/torch/hub`."""
    if _hub_dir is not None:
        return _hub_dir
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.join(os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch"))), "hub")


def set_dir(d) -> None:
    """Keep what is downloaded in this folder from now on.

    >>> import lightwell as torch
    >>> before = torch.hub.get_dir(); torch.hub.set_dir("/tmp/models")
    >>> torch.hub.get_dir()
    '/tmp/models'
    >>> torch.hub.set_dir(before)
    """
    global _hub_dir
    _hub_dir = os.path.expanduser(os.fspath(d))


# ---- files ----------------------------------------------------------------------------------------------------------


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Fetch a file; `dst` appears only when it is whole and, where `hash_prefix` is given, its SHA-256 begins so.

    `progress` shows the bytes on stderr. RuntimeError for a wrong hash or a transfer that was cut off, urllib.error.URLError
    where the address can't be reached.
    """
    from urllib.request import Request, urlopen

    dst = os.path.expanduser(os.fspath(dst))
    with urlopen(Request(url, headers={"User-Agent": "torch.hub"})) as answer:
        length = answer.headers.get("Content-Length")
        size = int(length) if length and length.isdigit() and answer.headers.get("Content-Encoding") is None else None
        digest = hashlib.sha256() if hash_prefix is not None else None
        handle, partial = tempfile.mkstemp(suffix=".partial", dir=os.path.dirname(os.path.abspath(dst)))
        try:
            got = 0
            with os.fdopen(handle, "wb") as file, _Bar(size, progress) as bar:
                while chunk := answer.read(READ_DATA_CHUNK):
                    file.write(chunk)
                    got += len(chunk)
                    if digest is not None:
                        digest.update(chunk)
                    bar.update(len(chunk))
            if size is not None and got != size:
                raise RuntimeError(f"download_url_to_file: {url} broke off after {got} of {size} bytes; try again")
            if digest is not None and not digest.hexdigest().startswith(hash_prefix):
                raise RuntimeError(
                    f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}"): {url} is not the file that was meant'
                )
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(partial, 0o666 & ~mask)
            os.replace(partial, dst)
        finally:
            if os.path.exists(partial):
                os.remove(partial)


_download_url_to_file = download_url_to_file


class _Bar:
    """Percent of a transfer, on stderr, on one line."""

    def __init__(self, total, shown: bool):
        self.total, self.shown, self.done, self.last = total, shown and sys.stderr is not None, 0, -1

    def __enter__(self):
        return self

    def update(self, n: int) -> None:
        """n bytes more."""
        self.done += n
        if not self.shown:
            return
        if self.total:
            percent = 100 * self.done // self.total
            if percent != self.last:
                self.last = percent
                sys.stderr.write(f"\r{percent:3d}% of {self.total / 1e6:.1f} MB")
        else:
            sys.stderr.write(f"\r{self.done / 1e6:.1f} MB")
        sys.stderr.flush()

    def __exit__(self, *exc):
        if self.shown and self.done:
            sys.stderr.write("\n")


def load_state_dict_from_url(url: str, model_dir: str | None = None, map_location=None, progress: bool = True, check_hash: bool = False,
                             file_name: str | None = None, weights_only: bool = False):  # fmt: skip
    """What a checkpoint on the web holds: downloaded to `model_dir` (`get_dir()/checkpoints`) unless it is there, then loaded.

    `check_hash` compares the SHA-256 with the hexadecimal digits in the name (`resnet18-f37072fd.pth`); a zip of one
    file is unpacked. Loading builds plain data only; RuntimeError as `load` and `download_url_to_file` raise it.
    """
    import lightwell

    if os.getenv("TORCH_MODEL_ZOO"):
        warnings.warn("TORCH_MODEL_ZOO is deprecated, please use env TORCH_HOME instead", stacklevel=users_level())
    model_dir = model_dir if model_dir is not None else os.path.join(get_dir(), "checkpoints")
    os.makedirs(model_dir, exist_ok=True)
    name = file_name if file_name is not None else os.path.basename(urlparse(url).path)
    path = os.path.join(model_dir, name)
    if not os.path.exists(path):
        sys.stderr.write(f'Downloading: "{url}" to {path}\n')
        found = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, path, found.group(1) if found else None, progress=progress)
    inner = _single_member(path)
    if inner is not None:
        with zipfile.ZipFile(path) as z, tempfile.TemporaryDirectory() as folder:
            return lightwell.load(z.extract(inner, folder), map_location=map_location, weights_only=True)
    return lightwell.load(path, map_location=map_location, weights_only=True)


def _single_member(path: str) -> str | None:
    """The one file of an old-style zipped checkpoint; None for a checkpoint as it is."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as z:
        names = z.namelist()
    if any(n.endswith("data.pkl") for n in names):
        return None
    if len(names) != 1:
        raise RuntimeError("Only one file(not dir) is allowed in the zipfile")
    return names[0]


# ---- repositories ---------------------------------------------------------------------------------------------------


def _parse(github: str) -> tuple[str, str, str]:
    """(owner, repository, branch or tag) of "owner/repo:ref"."""
    repo, _, ref = github.partition(":")
    if repo.count("/") != 1:
        raise ValueError(f"hub: a repository is named 'owner/repo' or 'owner/repo:tag', not {github!r}")
    owner, name = repo.split("/")
    if ref:
        return owner, name, ref
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    for ref in ("main", "master"):
        try:
            with urlopen(f"https://github.com/{owner}/{name}/tree/{ref}/"):
                return owner, name, ref
        except HTTPError as error:
            if error.code != 404:
                raise
        except URLError:
            for kept in ("main", "master"):
                if os.path.exists(os.path.join(get_dir(), f"{owner}_{name}_{kept}")):
                    return owner, name, kept
            raise RuntimeError(
                f"It looks like there is no internet connection and the repo could not be found in the cache ({get_dir()})"
            ) from None
    raise ValueError(f"hub: {owner}/{name} has neither a branch 'main' nor 'master'; name one: '{owner}/{name}:ref'")


def _trust(owner: str, name: str, folder: str, trust_repo, calling: str) -> None:
    """Ask, or check, whether code of this repository may run."""
    if trust_repo not in (None, True, False, "check"):
        raise ValueError("trust_repo must be None, True, False or 'check'")
    path, key = os.path.join(get_dir(), "trusted_list"), f"{owner}_{name}"
    known: set = set()
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            known = {line.strip() for line in file}
    trusted = key in known or owner in ("facebookresearch", "facebookincubator", "pytorch", "fairinternal")
    if trust_repo is None and not trusted:
        warnings.warn(
            f"You are about to download and run code from an untrusted repository ({owner}/{name}). In a future release, this won't be "
            f"allowed. To add the repository to your trusted list, change the command to {calling}(..., trust_repo=False) and a command "
            f"prompt will appear asking for an explicit confirmation of trust, or {calling}(..., trust_repo=True), which will assume that "
            "the prompt is to be answered with 'yes'.",
            stacklevel=users_level(),
        )
        return
    if trust_repo is False or (trust_repo == "check" and not trusted):
        answer = input(
            f"The repository {owner}/{name} does not belong to the list of trusted repositories. Do you trust it and run its code? (y/N) "
        )
        if answer.lower() not in ("y", "yes"):
            raise Exception("Untrusted repository.")
    if trust_repo and key not in known:
        os.makedirs(get_dir(), exist_ok=True)
        with open(path, "a", encoding="utf-8") as file:
            file.write(key + "\n")


def _folder(repo_or_dir, force_reload: bool, trust_repo, calling: str, verbose: bool = True, skip_validation: bool = False) -> str:
    """Where a GitHub repository's files are, downloaded at need."""
    owner, name, ref = _parse(repo_or_dir)
    os.makedirs(get_dir(), exist_ok=True)
    folder = os.path.join(get_dir(), "_".join((owner, name, re.sub(r"[/\\]", "_", ref))))
    _trust(owner, name, folder, trust_repo, calling)
    if os.path.exists(folder) and not force_reload:
        if verbose:
            sys.stderr.write(f"Using cache found in {folder}\n")
        return folder
    with tempfile.TemporaryDirectory(dir=get_dir()) as work:
        packed = os.path.join(work, "repo.zip")
        sys.stderr.write(f'Downloading: "https://github.com/{owner}/{name}/zipball/{ref}" to {folder}\n')
        download_url_to_file(f"https://github.com/{owner}/{name}/zipball/{ref}", packed, progress=False)
        with zipfile.ZipFile(packed) as z:
            inner = z.namelist()[0].split("/")[0]
            z.extractall(work)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(os.path.join(work, inner), folder)
    return folder


def _hubconf(folder: str):
    """The module `hubconf.py` of a folder; RuntimeError where what it says it needs isn't installed."""
    path = os.path.join(folder, MODULE_HUBCONF)
    if not os.path.exists(path):
        raise FileNotFoundError(errno.ENOENT, "hub: the repository has no hubconf.py", path)
    sys.path.insert(0, folder)
    try:
        spec = importlib.util.spec_from_file_location(MODULE_HUBCONF, path)
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    finally:
        sys.path.remove(folder)
    missing = [name for name in getattr(module, VAR_DEPENDENCY, None) or () if name != "torch" and not _installed(name)]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}; install them first, with pip")
    return module


def _installed(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None


def _entry(module, model):
    if not isinstance(model, str):
        raise ValueError("Invalid input: model should be a string of function name")
    found = getattr(module, model, None)
    if not callable(found):
        raise RuntimeError(f"Cannot find callable {model} in hubconf; it has {', '.join(_entries(module)) or 'none'}")
    return found


def _entries(module):
    return [name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")]


def load(repo_or_dir, model: str, *args, source: str = "github", trust_repo="check", force_reload: bool = False, verbose: bool = True,
         skip_validation: bool = False, **kwargs):  # fmt: skip
    """Call an entry of a repository's `hubconf.py`, usually a pretrained model: `model(*args, **kwargs)`.

    `source="local"`: `repo_or_dir` is a folder. `source="github"`: it is "owner/repo" or "owner/repo:tag", downloaded to
    `get_dir()` the first time (again with `force_reload`); its code runs, so that it asks for trust (`trust_repo`).
    ValueError for another source, FileNotFoundError without hubconf.py, RuntimeError for an unknown entry or
    missing dependencies.

    >>> import os, tempfile, lightwell as torch
    >>> folder = tempfile.mkdtemp()
    >>> with open(os.path.join(folder, "hubconf.py"), "w") as f:
    ...     _ = f.write("def double(x): return 2 * x")
    >>> torch.hub.load(folder, "double", 21, source="local")
    42
    """
    folder = _where(repo_or_dir, source, force_reload, trust_repo, "load", verbose, skip_validation)
    sys.path.insert(0, folder)
    try:
        return _entry(_hubconf(folder), model)(*args, **kwargs)
    finally:
        sys.path.remove(folder)


def _where(repo_or_dir, source, force_reload, trust_repo, calling, verbose=True, skip_validation=False) -> str:
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "local":
        return os.path.expanduser(os.fspath(repo_or_dir))
    return _folder(repo_or_dir, force_reload, trust_repo, calling, verbose, skip_validation)


def list(github, force_reload: bool = False, skip_validation: bool = False, trust_repo="check", verbose: bool = True):
    """The names of a repository's entries; `github` as in `load`, or a folder."""
    source = "local" if os.path.isdir(os.path.expanduser(os.fspath(github))) else "github"
    return _entries(_hubconf(_where(github, source, force_reload, trust_repo, "list", verbose, skip_validation)))


def help(github, model: str, force_reload: bool = False, skip_validation: bool = False, trust_repo="check"):
    """The docstring of a repository's entry; `github` as in `load`, or a folder."""
    source = "local" if os.path.isdir(os.path.expanduser(os.fspath(github))) else "github"
    return _entry(_hubconf(_where(github, source, force_reload, trust_repo, "help", True, skip_validation)), model).__doc__
