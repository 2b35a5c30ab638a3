"""torch.hub and utils.model_zoo, against a server of our own."""

import functools
import hashlib
import http.server
import threading
import urllib.error

import pytest

import lightwell as lw
from lightwell import hub
from lightwell.utils import model_zoo


@pytest.fixture
def served(tmp_path):
    """(folder, its address)."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            return None

    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def own_dir(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_hub_dir", str(tmp_path / "hub"))


def test_download_is_whole_or_not_at_all(served, tmp_path, capsys):
    folder, address = served
    data = bytes(range(256)) * 2000
    (folder / "f.bin").write_bytes(data)
    target = tmp_path / "out.bin"
    hub.download_url_to_file(f"{address}/f.bin", str(target), hashlib.sha256(data).hexdigest()[:8])
    assert target.read_bytes() == data and "100%" in capsys.readouterr().err
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RuntimeError, match="invalid hash value"):
        hub.download_url_to_file(f"{address}/f.bin", str(tmp_path / "bad.bin"), "00000000", progress=False)
    with pytest.raises(urllib.error.HTTPError):
        hub._download_url_to_file(f"{address}/none", str(tmp_path / "bad.bin"))
    assert sorted(tmp_path.iterdir()) == before


def test_state_dict_from_url(served, tmp_path):
    folder, address = served
    net = lw.nn.Linear(2, 2)
    lw.save(net.state_dict(), folder / "net.pt")
    digest = hashlib.sha256((folder / "net.pt").read_bytes()).hexdigest()[:8]
    (folder / "net.pt").rename(folder / f"net-{digest}.pth")
    state = hub.load_state_dict_from_url(f"{address}/net-{digest}.pth", check_hash=True, progress=False)
    assert lw.equal(state["weight"], net.weight)
    assert (tmp_path / "hub" / "checkpoints" / f"net-{digest}.pth").exists()
    (folder / f"net-{digest}.pth").unlink()
    assert list(model_zoo.load_url(f"{address}/net-{digest}.pth", progress=False)) == ["weight", "bias"]


def test_local_repository(tmp_path):
    (tmp_path / "helper.py").write_text("FACTOR = 3\n")
    (tmp_path / "hubconf.py").write_text(
        "dependencies = ['numpy']\nfrom helper import FACTOR\ndef times(x, k=1):\n    'x, times.'\n    return x * FACTOR * k\ndef _hidden(): pass\n"
    )
    assert hub.load(str(tmp_path), "times", 2, k=5, source="local") == 30
    assert hub.list(str(tmp_path)) == ["times"] and hub.help(str(tmp_path), "times") == "x, times."
    with pytest.raises(RuntimeError, match="times"):
        hub.load(str(tmp_path), "nothing", source="local")
    with pytest.raises(ValueError, match="Unknown source"):
        hub.load(str(tmp_path), "times", source="ftp")
    (tmp_path / "hubconf.py").write_text("dependencies = ['no_such_module_here']\n")
    with pytest.raises(RuntimeError, match="no_such_module_here"):
        hub.list(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        hub.load(str(tmp_path / "none"), "x", source="local")


def test_dir_follows_the_environment(monkeypatch):
    monkeypatch.setattr(hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", "/some/where")
    assert hub.get_dir() == "/some/where/hub"
    hub.set_dir("/else")
    assert hub.get_dir() == "/else"
