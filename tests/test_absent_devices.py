"""The namespaces of devices that are not there: what each function returns or raises, as PyTorch's CPU build does."""

import importlib
import inspect
import types

import pytest

import lightwell as lw

MODULES = (
    "cuda", "cuda.memory", "cuda.random", "cuda.graphs", "cuda.streams", "cuda.comm", "cuda.nvtx", "cuda.profiler", "cuda.sparse", "xpu", "mps",
    "mtia", "accelerator", "accelerator.memory", "cpu",
)  # fmt: skip
# PyTorch's own accident (a message about a missing C symbol, an unbound name) or an answer about its build
OTHER = {
    "cuda.check_error", "cuda.nvtx.range_end", "cuda.nvtx.range_start", "cuda.set_device", "cuda.reset_peak_memory_stats",
    "cuda.memory.reset_peak_memory_stats", "cuda.list_gpu_processes", "cuda.memory.list_gpu_processes", "cpu.get_capabilities",
    "cuda.device", "cuda.device_of", "xpu.manual_seed_all",
}  # fmt: skip


def _outcome(module, name, count):
    try:
        return "returned", getattr(module, name)(*[None] * count)
    except Exception as error:
        return "raised", type(error).__name__


@pytest.mark.parametrize("where", MODULES)
@pytest.mark.filterwarnings("ignore")
def test_like_the_cpu_build(where):
    pytest.importorskip("torch")
    ours, theirs = importlib.import_module(f"lightwell.{where}"), importlib.import_module(f"torch.{where}")
    compared, different = 0, []
    for name, value in vars(theirs).items():
        if name.startswith("_") or inspect.isclass(value) or not isinstance(value, types.FunctionType) or f"{where}.{name}" in OTHER:
            continue
        if value.__module__ != theirs.__name__ or not hasattr(ours, name):
            continue
        if any(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in inspect.signature(value).parameters.values()):
            continue
        mine, its = _outcome(ours, name, 0), _outcome(theirs, name, 0)
        compared += 1
        if mine[0] != its[0] or (type(mine[1]) is not type(its[1]) if mine[0] == "returned" else mine[1] != its[1]):
            if not (mine[0] == its[0] == "returned" and where == "cpu"):  # a Stream of each library's own
                different.append((name, mine, its))
    assert not different
    assert compared or where in ("cuda.graphs", "cuda.streams", "cuda.comm", "cuda.nvtx", "cuda.sparse", "cuda.memory", "mps")


def test_without_a_device():
    for where in ("cuda", "xpu", "mps", "mtia", "accelerator"):
        module = importlib.import_module(f"lightwell.{where}")
        assert module.is_available() is False and module.device_count() == 0
    assert lw.cuda.memory_stats() == {} and lw.cuda.max_memory_cached() == 0 and lw.cuda.get_arch_list() == []
    for name, kind in (("Event", RuntimeError), ("Stream", RuntimeError), ("FloatTensor", TypeError), ("FloatStorage", AssertionError)):
        assert not isinstance(1.0, getattr(lw.cuda, name))
        with pytest.raises(kind, match=name if kind is not AssertionError else "CUDA enabled"):
            getattr(lw.cuda, name)()
    with pytest.raises(AssertionError, match="current_device"):
        lw.cuda.current_device()
    with pytest.raises(RuntimeError, match=r"accelerator\.synchronize"):
        lw.accelerator.synchronize()
    with pytest.raises(RuntimeError, match="NVTX"), lw.cuda.nvtx.range("part {}", 1):
        pass
    with lw.cuda.stream(None), lw.cuda.device(-1), lw.cuda.device_of(lw.ones(1)):
        pass
    with pytest.raises(AssertionError):
        lw.cuda.profiler.start()
    with pytest.raises(RuntimeError):
        lw.cuda.graph(None)
