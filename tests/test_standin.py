"""``python -m lightwell``: scripts, modules and code with lightwell under PyTorch's name, in worker processes too."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def run(*args, cwd, code=0, stdin=None):
    """Run ``python -m lightwell`` and return what it prints."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "lightwell", *map(str, args)],
        cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def write(folder, name, text):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def test_every_name_is_the_same_module(tmp_path):
    path = write(
        tmp_path,
        "script.py",
        """
        import torch, torchvision, lightwell
        import torch.nn as nn, torch.nn.functional as F
        import torch.utils.data as Data
        from torch.utils.data import DataLoader
        from torch.autograd import Variable
        from torch.optim import lr_scheduler
        import torch.optim.lr_scheduler
        import torchvision.transforms as T
        from torchvision.datasets import mnist
        import importlib.util, sys
        assert torch is lightwell and nn is lightwell.nn and F is lightwell.nn.functional
        assert Data is lightwell.utils.data and T is lightwell.vision.transforms
        assert mnist is lightwell.vision.datasets.mnist and torchvision is lightwell.vision
        assert sys.modules["torch.nn"] is sys.modules["lightwell.nn"]
        assert lightwell.nn.__spec__.name == "lightwell.nn" and lightwell.nn.__name__ == "lightwell.nn"
        assert importlib.util.find_spec("torch") and importlib.util.find_spec("torch.nn")
        try:
            import torch.no_such_part
        except ModuleNotFoundError as error:
            print(error.name, "lightwell stands for it" in str(error))
        print(__name__, sys.argv, sys.path[0], __file__)
        """,
    )
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    out = run(path, "a", "--b", cwd=folder).splitlines()
    assert out == ["torch.no_such_part True", f"__main__ {[str(path), 'a', '--b']} {tmp_path} {path}"]


def test_module_code_and_standard_input(tmp_path):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").touch()
    write(package, "__main__.py", "import sys, torch; from . import part; print(__name__, __package__, sys.argv[1:])")
    write(package, "part.py", "import torch; print(torch.__name__)")
    assert run("-m", "pack", "x", cwd=tmp_path).splitlines() == ["lightwell", "__main__ pack ['x']"]
    assert run("-m", "pack.part", cwd=tmp_path) == "lightwell\n"
    assert run("-c", "import torch, sys; print(torch.__name__, sys.argv)", "y", cwd=tmp_path) == "lightwell ['-c', 'y']\n"
    assert run("-", cwd=tmp_path, stdin="import torch; print(torch.__name__)") == "lightwell\n"
    write(tmp_path, "__main__.py", "import torch; print('folder', torch.__name__)")
    assert run(tmp_path, cwd=package) == "folder lightwell\n"
    assert "no such module" in run("-m", "pack.nothing", cwd=tmp_path, code=1)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes_have_it_too(tmp_path, method):
    path = write(
        tmp_path,
        "script.py",
        f"""
        import multiprocessing
        import torch
        from torch.utils.data import DataLoader, Dataset

        class Own(Dataset):
            def __len__(self):
                return 3
            def __getitem__(self, index):
                import torch.nn.functional
                return torch.tensor([index, len(torch.__name__)])

        def work(x):
            import torch
            return torch.__name__, (x + 1).tolist()

        if __name__ == "__main__":
            for batch in DataLoader(Own(), batch_size=2, num_workers=1, multiprocessing_context={method!r}):
                print(batch.tolist())
            with multiprocessing.get_context({method!r}).Pool(1) as pool:
                print(pool.map(work, [torch.ones(1)]))
        """,
    )
    out = run(path, cwd=tmp_path.parent).splitlines()
    assert out == ["[[0, 9], [1, 9]]", "[[2, 9]]", "[('lightwell', [2.0])]"]


def test_errors_and_exit_codes(tmp_path):
    path = write(tmp_path, "script.py", "import sys\ndef f():\n    raise ValueError('mine')\nf()\n")
    told = run(path, cwd=tmp_path, code=1)
    assert told.startswith("Traceback") and "runpy" not in told and "lightwell/__main__" not in told
    assert "ValueError: mine" in told and "line 3, in f" in told
    assert run("-c", "import sys; sys.exit(5)", cwd=tmp_path, code=5) == ""
    assert "neither a file nor a command" in run("nothing.py", cwd=tmp_path, code=2)
    assert "Did you mean 'train'" in run("trian", cwd=tmp_path, code=2)


def test_a_file_named_like_a_command_is_run(tmp_path):
    (tmp_path / "train").write_text("print('a file')")
    assert run("train", cwd=tmp_path) == "a file\n"


def test_pickles_of_the_scripts_own_classes(tmp_path):
    path = write(
        tmp_path,
        "script.py",
        """
        import pickle, torch
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(2, 1)
        net = pickle.loads(pickle.dumps(Net()))
        print(type(net).__module__, net.layer.weight.shape)
        """,
    )
    assert run(path, cwd=tmp_path) == "__main__ torch.Size([1, 2])\n"


def test_install_refuses_to_replace_the_real_one(monkeypatch):
    from types import ModuleType

    from lightwell import standin

    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    with pytest.raises(RuntimeError, match="imported already"):
        standin.install()


def test_versions_are_those_of_the_interfaces(tmp_path):
    script = tmp_path / "versions.py"
    script.write_text(
        "import torch, torchvision, torchtext, gpytorch\n"
        "print(torch.__version__ >= '2.9', torch.__version__ < (3, 0), torch.__version__.startswith('2.13.0+lightwell'))\n"
        "print(*[m.__version__.split('+')[0] for m in (torchvision, torchtext, gpytorch)])\n"
    )
    done = subprocess.run([sys.executable, "-m", "lightwell", str(script)], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "True True True\n0.28.0 0.18.0 1.15.2\n", done.stderr
