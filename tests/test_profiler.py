"""torch.profiler: schedules, tables, traces; torch.ops.profiler."""

import json

import pytest

import lightwell as lw
from lightwell.profiler import ProfilerAction, ProfilerActivity, profile, record_function, schedule, tensorboard_trace_handler


def test_schedule_is_pytorchs():
    torch = pytest.importorskip("torch")
    for options in ({"wait": 1, "warmup": 1, "active": 3, "repeat": 2}, {"wait": 0, "warmup": 1, "active": 1, "skip_first": 3},
                    {"wait": 2, "warmup": 1, "active": 2, "repeat": 1, "skip_first": 1, "skip_first_wait": 1}):  # fmt: skip
        ours, theirs = schedule(**options), torch.profiler.schedule(**options)
        assert [ours(i).name for i in range(20)] == [theirs(i).name for i in range(20)]
    with pytest.raises(AssertionError):
        schedule(wait=0, warmup=0, active=0)


def test_steps_follow_the_schedule():
    ready = []
    with profile(schedule=schedule(wait=1, warmup=1, active=2, repeat=2), on_trace_ready=ready.append, record_shapes=True) as prof:
        for _ in range(10):
            lw.ones(2, 3) @ lw.ones(3, 4)
            prof.step()
    assert len(ready) == 2 and prof.current_action is ProfilerAction.NONE
    rows = {r.key: r for r in prof.key_averages()}
    assert rows["aten::mm"].count == 2 and rows["ProfilerStep#6"].count == 1
    assert any(r.input_shapes == [[2, 3], [3, 4]] for r in prof.key_averages(group_by_input_shape=True))


def test_tables_ranges_memory_and_flops():
    x = lw.ones(4, 8, requires_grad=True)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, with_flops=True, with_stack=True) as prof:
        with record_function("forward"):
            y = (x @ lw.ones(8, 2)).sum()
        y.backward()
    rows = {r.key: r for r in prof.key_averages()}
    assert rows["forward"].cpu_time_total >= rows["aten::mm"].cpu_time_total > 0
    assert rows["aten::mm"].flops == 2 * 4 * 8 * 2 and rows["aten::mm"].cpu_memory_usage == 4 * 2 * 4
    assert any("Backward" in key for key in rows)
    table = prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=2)
    assert "# of Calls" in table and len(table.splitlines()) == 7
    with pytest.raises(AttributeError):
        prof.key_averages().table(sort_by="nothing")
    assert any("test_profiler" in frame for e in prof.events() for frame in e.stack)


def test_traces_are_written(tmp_path):
    with profile(with_stack=True, on_trace_ready=tensorboard_trace_handler(str(tmp_path / "tb"), "me")) as prof:
        lw.ones(100).exp().sum()
    prof.add_metadata("who", "me")
    prof.export_chrome_trace(str(tmp_path / "t.json"))
    trace = json.loads((tmp_path / "t.json").read_text())
    assert trace["who"] == "me" and {"aten::exp"} <= {e["name"] for e in trace["traceEvents"]}
    assert len(list((tmp_path / "tb").glob("me.*.pt.trace.json"))) == 1
    prof.export_stacks(str(tmp_path / "s.txt"), "self_cpu_time_total")
    with pytest.raises(ValueError, match="metric"):
        prof.export_stacks(str(tmp_path / "s.txt"), "x")


def test_ranges_by_operation():
    with lw.autograd.profiler.profile() as prof:
        handle = lw.ops.profiler._record_function_enter("mine")
        lw.ones(2).exp()
        lw.ops.profiler._record_function_exit(handle)
    assert {e.key for e in prof.key_averages()} >= {"mine", "exp"}
