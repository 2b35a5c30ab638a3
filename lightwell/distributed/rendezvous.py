"""How processes that know only an address find each other: `env://`, `tcp://host:port`, `file://path`."""

import os
from datetime import timedelta
from urllib.parse import parse_qs, urlparse

from ..errors.teaching import RuntimeError, ValueError
from .constants import default_pg_timeout
from .store import FileStore, PrefixStore

_handlers: dict = {}


def register_rendezvous_handler(scheme: str, handler) -> None:
    """Let `handler(url, timeout=..., **kwargs)` (a generator of (store, rank, world size)) see to urls of `scheme`; RuntimeError if taken."""
    if scheme in _handlers:
        raise RuntimeError(f"Rendezvous handler for {scheme}:// already registered")
    _handlers[scheme] = handler


def rendezvous(url: str, rank: int = -1, world_size: int = -1, **kwargs):
    """A generator of (store, rank, world size) for `env://`, `tcp://host:port` or `file://path`.

    Rank and size may stand in the url (`?rank=0&world_size=2`). ValueError where one is missing, RuntimeError for another scheme.
    """
    if not isinstance(url, (str, bytes)):
        raise RuntimeError(f"`url` must be a string. {type(url)}: {url}")
    if not isinstance(rank, int):
        raise RuntimeError(f"`rank` must be an integer. {rank}")
    if not isinstance(world_size, int):
        raise RuntimeError(f"`world_size` must be an integer. {world_size}")
    parts = urlparse(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    for name, value in (("rank", rank), ("world_size", world_size)):
        if value != -1:
            if name in query and int(query[name]) != value:
                raise ValueError(f"rendezvous: {name}={value} was given, but the url {url!r} says {query[name]}")
            query[name] = str(value)
    if parts.scheme not in _handlers:
        raise RuntimeError(f"No rendezvous handler for {parts.scheme}://: use env://, tcp://host:port or file:///path")
    return _handlers[parts.scheme](parts, query, **kwargs)


def _missing(scheme, what):
    return ValueError(f"Error initializing torch.distributed using {scheme}:// rendezvous: {what}")


def _given(scheme, query, name):
    if name not in query:
        raise _missing(scheme, f"{name.replace('_', ' ')} parameter missing: pass {name}= to init_process_group")
    return int(query[name])


def _tcp_store(host, port, rank, world_size, timeout):
    from .tcp_store import TCPStore

    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":  # the launcher keeps the store; each restart has its own keys
        store = TCPStore(host, port, world_size, False, timeout, wait_for_workers=False)
        return PrefixStore(f"/worker/attempt_{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    return TCPStore(host, port, world_size, rank == 0, timeout)


def _file(parts, query, timeout=default_pg_timeout, **kwargs):
    path = parts.netloc + parts.path
    if not path:
        raise _missing("file", "path missing: write file:///folder/name")
    rank, world_size = _given("file", query, "rank"), _given("file", query, "world_size")
    store = FileStore(path, world_size)
    store.set_timeout(timeout)
    yield store, rank, world_size
    raise RuntimeError("Unable to perform rerendezvous using file:// method")


def _tcp(parts, query, timeout=default_pg_timeout, **kwargs):
    if not parts.port:
        raise _missing("tcp", "port number missing: write tcp://host:port")
    rank, world_size = _given("tcp", query, "rank"), _given("tcp", query, "world_size")
    yield _tcp_store(parts.hostname, parts.port, rank, world_size, timeout), rank, world_size
    raise RuntimeError("Unable to perform re-rendezvous using tcp:// method")


def _env(parts, query, timeout: timedelta = default_pg_timeout, **kwargs):
    def read(name):
        value = os.environ.get(name)
        if value is None:
            raise _missing(
                "env",
                f"environment variable {name} expected, but not set: start the script with torchrun (python -m lightwell.distributed.run)",
            )
        return value

    rank = int(query["rank"]) if "rank" in query else int(read("RANK"))
    world_size = int(query["world_size"]) if "world_size" in query else int(read("WORLD_SIZE"))
    host, port = read("MASTER_ADDR"), int(read("MASTER_PORT"))
    yield _tcp_store(host, port, rank, world_size, timeout), rank, world_size
    raise RuntimeError("Unable to perform re-rendezvous using env:// method")


register_rendezvous_handler("file", _file)
register_rendezvous_handler("tcp", _tcp)
register_rendezvous_handler("env", _env)
