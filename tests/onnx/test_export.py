"""The export function itself: arguments, names, files, other opsets, and what it refuses."""

import builtins
import io

import numpy as np
import pytest

import lightwell as lw
from lightwell.onnx.errors import SymbolicValueError, UnsupportedOperatorError
from tests.onnx.running import Of, agree, run, session
from tests.onnx.test_layers import CASES

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
nn = lw.nn


def net():
    lw.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Tanh())


def ops(program):
    return [n.op_type for n in program.model_proto.graph.node]


def test_what_comes_back(tmp_path):
    x = lw.randn(2, 4)
    program = lw.onnx.export(net(), (x,))
    assert isinstance(program, lw.onnx.ONNXProgram) and ops(program) == ["Gemm", "BatchNormalization", "Tanh"]
    assert lw.allclose(program(x)[0], net().eval()(x), atol=1e-6)
    program.check()
    program.save(tmp_path / "a.onnx")
    onnx.checker.check_model(str(tmp_path / "a.onnx"), full_check=True)
    assert "Gemm" in repr(program) and program.model_proto.producer_name == "lightwell"
    with pytest.raises(ValueError, match="takes 1 tensors"):
        program(x, x)
    buffer = io.BytesIO()
    assert lw.onnx.export(net(), x, buffer, dynamo=False) is None
    assert onnx.load_from_string(buffer.getvalue()).graph.input[0].name == "input"
    with pytest.raises(TypeError, match="f, the file"):
        lw.onnx.export(net(), x, dynamo=False)


def test_names(tmp_path):
    class Two(nn.Module):
        def forward(self, first, second, scale=2.0):
            return {"sum": first + second * scale, "rest": [first, second]}

    x, y = lw.randn(2), lw.randn(2)
    program = lw.onnx.export(Two(), (x, y, 3.0))
    graph = program.model_proto.graph
    assert [i.name for i in graph.input] == ["first", "second"] and len(graph.output) == 3
    assert lw.allclose(program(x, y)[0], x + y * 3) and lw.equal(program(x, y)[1], x)
    graph = lw.onnx.export(Two(), (x, y), input_names=["a"], output_names=["s"]).model_proto.graph
    assert [i.name for i in graph.input] == ["a", "second"] and graph.output[0].name == "s"
    by_keyword = lw.onnx.export(Two(), (x,), kwargs={"second": y}).model_proto.graph
    assert [i.name for i in by_keyword.input] == ["first", "second"]
    last = lw.onnx.export(Two(), (x, {"second": y})).model_proto.graph
    assert [i.name for i in last.input] == ["first", "second"]
    for options, match in (
        ({"input_names": ["a", "a"]}, "must differ"), ({"input_names": list("abc")}, "3 input_names for 2"),
        ({"output_names": list("abcd")}, "4 output_names for 3"), ({"dynamic_axes": {"q": [0]}}, "names 'q'"),
        ({"dynamic_axes": {"first": [3]}}, "not in its shape"), ({"dynamic_shapes": {"q": {0: "n"}}}, r"names \['q'\]"),
        ({"opset_version": 5}, "13 to"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            lw.onnx.export(Two(), (x, y), **options)
    with pytest.raises(ValueError, match="different names"):
        lw.onnx.export(Two(), (x, lw.randn(1)), dynamic_axes={"first": {0: "n"}, "second": {0: "n"}})


def test_dynamic_axes_in_every_spelling():
    class Dim:
        __name__ = "batch"

    x = lw.randn(2, 4)
    for options in (
        {"dynamic_axes": {"input": {0: "batch"}}}, {"dynamic_shapes": ({0: "batch"},)}, {"dynamic_shapes": {"input": {0: Dim()}}},
        {"dynamic_shapes": (("batch", None),)},
    ):  # fmt: skip
        shape = lw.onnx.export(net(), x, **options).model_proto.graph.input[0].type.tensor_type.shape
        assert [d.dim_param or d.dim_value for d in shape.dim] == ["batch", 4], options
    shape = lw.onnx.export(net(), x, dynamic_axes={"input": [0]}).model_proto.graph.output[0].type.tensor_type.shape
    assert shape.dim[0].dim_param == "input_dim_0"
    lists = lw.onnx.export(Of(lambda v: v[0] @ v[1]), ([x, x.T],), dynamic_shapes=([{0: "n"}, {1: "m"}],)).model_proto.graph
    assert [[d.dim_param for d in i.type.tensor_type.shape.dim] for i in lists.input] == [["n", ""], ["", "m"]]
    assert [d.dim_param for d in lists.output[0].type.tensor_type.shape.dim] == ["n", "m"]


def test_parameters_as_inputs():
    x = lw.randn(2, 4)
    model = lw.onnx.export(net(), x, export_params=False).model_proto
    assert {i.name for i in model.graph.input} == {"input", "0.weight", "0.bias", "1.weight", "1.bias"}
    kept = lw.onnx.export(net(), x, keep_initializers_as_inputs=True).model_proto
    assert {w.name for w in kept.graph.initializer} <= {i.name for i in kept.graph.input}


def test_modes(tmp_path):
    x, model = lw.randn(6, 4), net()
    model.train()
    model[2].eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    lw.onnx.export(model, x)
    assert model[0].training and not model[2].training  # left as it was
    trained = lw.onnx.export(model, x, training=lw.onnx.TrainingMode.PRESERVE)
    assert "BatchNormalization" not in ops(trained) and "ReduceMean" in ops(trained)
    assert all(lw.equal(v, before[k]) for k, v in model.state_dict().items())
    agree(model[:2], (x,), tmp_path / "t.onnx", training=lw.onnx.TrainingMode.TRAINING, training_mode=True)
    with pytest.raises(SymbolicValueError, match="random"):
        lw.onnx.export(net(), x, training=lw.onnx.TrainingMode.TRAINING)


def test_the_mode_alone():
    model = net().train()
    with lw.onnx.select_model_mode_for_export(model, lw.onnx.TrainingMode.EVAL):
        assert not model.training
    assert model.training


def test_the_export_is_visible_inside():
    seen = []
    lw.onnx.export(Of(lambda v: seen.append(lw.onnx.is_in_onnx_export()) or v + 1), lw.ones(1))
    assert seen and all(seen) and not lw.onnx.is_in_onnx_export()


def test_older_name(tmp_path):
    path = tmp_path / "m.onnx"
    model, x = net(), lw.randn(2, 4)
    with pytest.warns(lw.onnx.errors.OnnxExporterWarning, match="opset 11"):
        given = lw.onnx._export(model, x, str(path), export_params=True, opset_version=11)
    assert lw.allclose(given, model.eval()(x)) and not given.requires_grad
    assert onnx.load(path).opset_import[0].version == 13


@pytest.mark.parametrize("opset", [13, 15, 17, 20, 21])
def test_other_opsets(opset, tmp_path):
    names = (
        "conv2d batch_norm2d layer_norm group_norm max_pool2d GELU gelu_tanh Mish Hardswish upsample_bilinear pad_reflect lstm "
        "encoder_layer sums means spread norms split truth topk positions slice tril"
    ).split()
    for name in names:
        make, shape = CASES[name]
        x = lw.randn(2, *shape)
        model = make()
        agree(model, (x,), tmp_path / "m.onnx", [(lw.randn(3, *shape),)], opset_version=opset, input_names=["x"], dynamic_axes={"x": [0]})
        assert onnx.load(tmp_path / "m.onnx").opset_import[0].version == opset


def test_refused_with_the_place():
    class Spectral(nn.Module):
        def forward(self, x):
            return lw.linalg.svdvals(x)

    model = nn.Sequential(nn.Linear(3, 3), Spectral())
    with pytest.raises(UnsupportedOperatorError, match=r"'linalg_svdvals' in 1 \(Spectral\) has no translation to ONNX"):
        lw.onnx.export(model, lw.randn(3, 3))
    assert issubclass(UnsupportedOperatorError, lw.onnx.OnnxExporterError) and issubclass(lw.onnx.OnnxExporterError, RuntimeError)


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda v: v * v.sum().item(), "number read from a tensor"),
        (lambda v: v * 2 if v[0, 0] > 0 else v + 1, "branch"),
        (lambda v: v + lw.from_numpy(np.sort(v.numpy())), "no rule"),
        (lambda v: v + lw.randn(2, 3), "random numbers"),
        (lambda v: lw.stack([v * i for i in range(v.shape[0])]).sum(0), "branch"),
        (lambda v: v + lw.from_numpy(np.arange(float(v.numel()), dtype=np.float32).reshape(v.shape) ** 2), "no rule"),
    ],
)
def test_what_a_graph_cannot_say(function, match):
    x = lw.tensor([[0.5, -1.0, 2.0], [-3.0, 0.25, -1.0]])
    with pytest.raises(SymbolicValueError, match=match):
        lw.onnx.export(Of(function), x, dynamic_shapes=({0: "n"},))


def test_numbers_that_leave_the_graph():
    with pytest.raises(SymbolicValueError, match="outside of the traced operations"):
        lw.onnx.export(Of(lambda v: v + lw.from_numpy(np.sort(v.numpy()))), lw.tensor([2.0, -1.0, 3.0]))


def test_a_module_that_fails_on_other_sizes_says_so():
    with pytest.raises(lw.onnx.OnnxExporterError, match=r"fails on other sizes of the dynamic axes \['n'\]"):
        lw.onnx.export(Of(lambda v: v.view(2, 3)), lw.randn(2, 3), dynamic_shapes=({0: "n"},))
    with pytest.raises(RuntimeError, match="can't be multiplied"):
        lw.onnx.export(nn.Linear(4, 2), lw.randn(2, 3))


def test_no_file_is_left_behind(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")
    with pytest.raises(UnsupportedOperatorError):
        lw.onnx.export(Of(lambda v: lw.linalg.svdvals(v)), lw.randn(3, 3), path)
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    with pytest.raises(RuntimeError, match="does not exist"):
        lw.onnx.export(net(), lw.randn(2, 4), tmp_path / "missing" / "m.onnx")


def test_own_translations_reports_and_checks(tmp_path, capsys):
    def sinc(g, step, x):
        return g.op(
            "Div", g.op("Sin", g.op("Mul", g.name(x), g.const(np.float32(np.pi)))), g.op("Mul", g.name(x), g.const(np.float32(np.pi)))
        )

    x = lw.tensor([0.5, 1.5])
    program = lw.onnx.export(
        Of(lambda v: v.sinc()), x, custom_translation_table={"sinc": sinc}, verify=True, report=True, artifacts_dir=tmp_path, verbose=True
    )
    assert ops(program)[-1] == "Div" and "| sinc |" in (tmp_path / "onnx_export_report.md").read_text()
    assert "Sin" in capsys.readouterr().out
    wrong = {"sinc": lambda g, step, v: g.op("Sin", g.name(v))}
    with pytest.raises(lw.onnx.OnnxExporterError, match="differs"):
        lw.onnx.export(Of(lambda v: v.sinc()), x, custom_translation_table=wrong, verify=True)
    with pytest.warns(lw.onnx.errors.OnnxExporterWarning, match="PyTorch's own"):
        lw.onnx.export(net(), lw.randn(2, 4), profile=True)


def test_without_the_library(monkeypatch):
    whole = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "onnx" and not (args and args[0] and args[0].get("__name__", "").startswith("onnx")):
            raise ImportError(name)
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install lightwell\[onnx\]"):
        lw.onnx.export(net(), lw.randn(2, 4))


def test_shared_and_repeated_tensors(tmp_path):
    shared = nn.Linear(4, 4)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    agree(model, (lw.randn(2, 4),), tmp_path / "s.onnx")
    x = lw.randn(2, 4)
    agree(Of(lambda v, w: (v + w, v, v + w)), (x, x), tmp_path / "t.onnx")
    constant = Of(lambda v: (lw.ones(2), v * 1))
    agree(constant, (x,), tmp_path / "c.onnx")


def test_the_graph_in_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from lightwell.utils.tensorboard import SummaryWriter

    lw.onnx.export(net(), lw.randn(2, 4), tmp_path / "m.onnx")
    with SummaryWriter(tmp_path / "run") as w:
        w.add_onnx_graph(str(tmp_path / "m.onnx"))
    nodes = {n.op for n in EventAccumulator(str(tmp_path / "run")).Reload().Graph().node}
    assert {"Gemm", "Tanh", "Variable"} <= nodes


def test_the_file_reads_in_other_hands(tmp_path):
    """The file alone, without the module: what a deployed program does."""
    path = tmp_path / "m.onnx"
    model, x = net(), lw.randn(3, 4)
    lw.onnx.export(model, x[:1], path, input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
    ran = session(path)
    assert ran.get_inputs()[0].name == "x" and ran.get_outputs()[0].name == "y"
    np.testing.assert_allclose(run(ran, (x,))[0], model.eval()(x).detach().numpy(), atol=1e-6)
