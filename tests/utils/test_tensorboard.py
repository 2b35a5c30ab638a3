"""SummaryWriter, read back with TensorBoard's own readers, and through the real TensorBoard's HTTP interface."""

import glob
import io
import json
import os
import time
import urllib.request
import wave

import numpy as np
import pytest

import lightwell as lw

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

from lightwell.utils.tensorboard import FileWriter, SummaryWriter


def events(folder):
    """All events of the files in a folder."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    found = []
    for path in sorted(glob.glob(os.path.join(str(folder), "*tfevents*"))):
        found += [Event.FromString(raw) for raw in RawEventFileLoader(path).Load()]
    return found


def values(folder):
    """Tag -> the last value under it."""
    return {v.tag: v for e in events(folder) for v in e.summary.value}


def accumulated(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0, "images": 0, "histograms": 0, "audio": 0})
    return found.Reload()


def picture(value):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string)))


def test_scalars(tmp_path):
    with SummaryWriter(tmp_path) as w:
        for step in range(3):
            w.add_scalar("a/loss", lw.tensor(step * 0.5, requires_grad=True), step, walltime=1000.0 + step)
        w.add_scalar("new", 2.5, 1, new_style=True)
        w.add_scalar("wide", 1 / 3, 1, new_style=True, double_precision=True)
        w.add_scalars("both", {"x": 1.0, "y": lw.tensor([2.0])}, 3)
    read = accumulated(tmp_path)
    assert [(e.wall_time, e.step, e.value) for e in read.Scalars("a/loss")] == [(1000.0, 0, 0.0), (1001.0, 1, 0.5), (1002.0, 2, 1.0)]
    assert values(tmp_path)["wide"].tensor.double_val == [1 / 3] and values(tmp_path)["new"].tensor.float_val == [2.5]
    assert [accumulated(tmp_path / f"both_{k}").Scalars("both")[0].value for k in "xy"] == [1.0, 2.0]
    with SummaryWriter(tmp_path / "bad") as w:
        with pytest.raises(AssertionError, match="one element"):
            w.add_scalar("x", lw.ones(2))
        with pytest.raises(ValueError, match="could not convert"):
            w.add_scalar("x", "nope")


def test_histograms(tmp_path):
    x = lw.arange(100.0) / 10
    with SummaryWriter(tmp_path) as w:
        w.add_histogram("log", x, 2)
        for bins in ("auto", "fd", "doane", 7):
            w.add_histogram(f"bins_{bins}", x, 2, bins=bins)
        w.add_histogram("few", x, 2, bins=50, max_bins=5)
        w.add_histogram_raw("raw", 0.0, 3.0, 6, 9.0, 20.0, [1.0, 2.0, 3.0], [1, 2, 3], 1)
        with pytest.raises(ValueError, match="no element"):
            w.add_histogram("none", lw.ones(0))
        with pytest.raises(ValueError, match="len"):
            w.add_histogram_raw("raw", 0.0, 3.0, 6, 9.0, 20.0, [1.0, 2.0], [1, 2, 3])
    read = accumulated(tmp_path)
    histo = read.Histograms("log")[0].histogram_value
    assert (histo.min, histo.num) == (0.0, 100) and abs(histo.sum - 495) < 1e-6 and abs(histo.max - 9.9) < 1e-6
    assert sum(histo.bucket) == 100 and len(histo.bucket) == len(histo.bucket_limit) and histo.bucket[0] == 0
    few = values(tmp_path)["few"].histo
    assert list(few.bucket) == [0, 20, 20, 20, 20, 20] and np.allclose(few.bucket_limit, np.arange(6) * 1.98)
    assert list(values(tmp_path)["raw"].histo.bucket) == [1, 2, 3]
    assert list(values(tmp_path)["bins_7"].histo.bucket)[1:] == np.histogram(x.numpy(), 7)[0].tolist()


def test_pictures(tmp_path):
    image = lw.tensor(np.linspace(0, 1, 3 * 6 * 8).reshape(3, 6, 8))
    wanted = (image.numpy() * np.float32(255)).astype(np.uint8).transpose(1, 2, 0)
    with SummaryWriter(tmp_path) as w:
        w.add_image("chw", image, 1)
        w.add_image("hwc", image.permute(1, 2, 0).numpy(), 1, dataformats="HWC")
        w.add_image("bytes", lw.tensor(wanted).permute(2, 0, 1), 1)
        w.add_image("gray", image[0], 1, dataformats="HW")
        w.add_images("five", lw.stack([image * i / 5 for i in range(5)]), 1)
        w.add_images("ten", lw.ones(10, 2, 2, 1), 1, dataformats="NHWC")
        w.add_image_with_boxes("boxes", lw.zeros(3, 20, 20), lw.tensor([[2.0, 5.0, 15.0, 18.0]]), 1, labels="a")
        w.add_video("film", lw.stack([lw.ones(3, 3, 4, 4) * 0.5] * 3), 1, fps=10)
        with pytest.raises(AssertionError, match="input format"):
            w.add_image("x", lw.ones(2, 2))
    read, found = accumulated(tmp_path), values(tmp_path)
    assert (read.Images("chw")[0].width, read.Images("chw")[0].height) == (8, 6)
    for tag in ("chw", "hwc", "bytes"):
        assert np.array_equal(picture(found[tag]), wanted), tag
    assert np.array_equal(picture(found["gray"]), np.stack([wanted[:, :, 0]] * 3, 2))
    assert picture(found["five"]).shape == (6, 40, 3) and picture(found["ten"]).shape == (4, 16, 3)
    boxed = picture(found["boxes"])
    assert boxed[18, 10].tolist() == [255, 0, 0] and boxed[12, 8].tolist() == [0, 0, 0]
    from PIL import Image

    film = Image.open(io.BytesIO(found["film"].image.encoded_image_string))
    assert film.format == "GIF" and film.size == (8, 8)


def test_figures(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    figures = [plt.figure(figsize=(1, 0.5), dpi=100) for _ in range(2)]
    with SummaryWriter(tmp_path) as w:
        w.add_figure("one", figures[0], 1, close=False)
        w.add_figure("two", figures, 1)
    assert picture(values(tmp_path)["one"]).shape == (50, 100, 3) and picture(values(tmp_path)["two"]).shape == (50, 200, 3)
    assert not plt.get_fignums()


def test_audio_and_text(tmp_path):
    with SummaryWriter(tmp_path) as w:
        w.add_audio("tone", lw.tensor([[0.0, 0.5, -1.0, 2.0]]), 1, sample_rate=8000)
        w.add_text("note", "hello **w**", 1)
        with pytest.raises(AssertionError, match="1 dimensional"):
            w.add_audio("x", lw.zeros(2, 5))
    value = accumulated(tmp_path).Audio("tone")[0]
    assert (value.sample_rate, value.length_frames, value.content_type) == (8000, 4, "audio/wav")
    with wave.open(io.BytesIO(value.encoded_audio_string)) as file:
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [0, 16383, -32767, 32767]
    note = values(tmp_path)["note/text_summary"]
    assert note.tensor.string_val == [b"hello **w**"] and note.metadata.plugin_data.plugin_name == "text"


def test_curves(tmp_path):
    from tensorboard.plugins.pr_curve import metadata
    from tensorboard.util import tensor_util

    labels, predictions = lw.tensor([0, 1, 1, 0, 1]), lw.tensor([0.1, 0.8, 0.4, 0.6, 0.9])
    with SummaryWriter(tmp_path) as w:
        w.add_pr_curve("pr", labels, predictions, 1, num_thresholds=9)
        w.add_pr_curve("weighted", labels, predictions, 1, num_thresholds=9, weights=np.array([1, 2, 1, 1, 0.5]))
        half = lw.tensor([1.0, 0.0])
        w.add_pr_curve_raw("raw", half, half, 1 - half, 1 - half, half / 2, half, 1, num_thresholds=2)
    found = values(tmp_path)
    told = metadata.parse_plugin_metadata(found["pr"].metadata.plugin_data.content)
    assert told.num_thresholds == 9
    tp, fp, tn, fn, precision, recall = tensor_util.make_ndarray(found["pr"].tensor)
    assert tp.tolist() == [3, 3, 3, 3, 2, 2, 2, 1, 0] and fp.tolist() == [2, 1, 1, 1, 1, 0, 0, 0, 0]
    assert (tp + fn == 3).all() and (fp + tn == 2).all()
    assert np.allclose(precision[:8], (tp / np.maximum(tp + fp, 1))[:8]) and np.allclose(recall, tp / 3)
    assert tensor_util.make_ndarray(found["weighted"].tensor)[0].tolist() == [3.5, 3.5, 3.5, 3.5, 2.5, 2.5, 2.5, 0.5, 0]
    assert tensor_util.make_ndarray(found["raw"].tensor).shape == (6, 2)


def test_tensors(tmp_path):
    from tensorboard.util import tensor_util

    made = {
        str(d).split(".")[1]: lw.arange(6).reshape(2, 3).to(d) for d in (lw.float32, lw.float64, lw.int64, lw.uint8, lw.float16, lw.bool)
    }
    with SummaryWriter(tmp_path) as w:
        for name, t in made.items():
            w.add_tensor(name, t, 1)
    for name, t in made.items():
        assert np.array_equal(tensor_util.make_ndarray(values(tmp_path)[name].tensor), t.numpy()), name


def test_meshes(tmp_path):
    from tensorboard.plugins.mesh import metadata

    with SummaryWriter(tmp_path) as w:
        w.add_mesh("m", lw.rand(1, 4, 3), lw.ones(1, 4, 3), lw.tensor([[[0, 1, 2], [1, 2, 3]]]), {"a": 1}, 1)
        with pytest.raises(ValueError, match="BxNx3"):
            w.add_mesh("m", lw.ones(3))
    found = values(tmp_path)
    assert set(found) == {"m_VERTEX", "m_FACE", "m_COLOR"}
    told = metadata.parse_plugin_metadata(found["m_FACE"].metadata.plugin_data.content)
    assert told.name == "m" and list(told.shape) == [1, 2, 3] and json.loads(told.json_config) == {"a": 1}
    assert list(found["m_FACE"].tensor.float_val) == [0, 1, 2, 1, 2, 3]


def test_custom_scalars(tmp_path):
    from tensorboard.plugins.custom_scalar import layout_pb2

    with SummaryWriter(tmp_path / "a") as w:
        w.add_custom_scalars({"T": {"lines": ["Multiline", ["x", "y"]], "band": ["Margin", ["v", "lo", "hi"]]}})
    with SummaryWriter(tmp_path / "b") as w:
        w.add_custom_scalars_multilinechart(["x"], "c", "t")
    with SummaryWriter(tmp_path / "c") as w:
        w.add_custom_scalars_marginchart(["v", "lo", "hi"])
        with pytest.raises(AssertionError, match="three tags"):
            w.add_custom_scalars_marginchart(["v"])
    layouts = {}
    for name in "abc":
        content = values(tmp_path / name)["custom_scalars__config__"].tensor.string_val[0]
        layouts[name] = layout_pb2.Layout.FromString(content)
    lines, band = layouts["a"].category[0].chart
    assert list(lines.multiline.tag) == ["x", "y"] and (band.margin.series[0].value, band.margin.series[0].upper) == ("v", "hi")
    assert layouts["b"].category[0].chart[0].title == "t" and layouts["c"].category[0].title == "default"


def test_hparams(tmp_path):
    from tensorboard.plugins.hparams import metadata

    with SummaryWriter(tmp_path) as w:
        w.add_hparams(
            {"lr": 0.1, "bs": 4, "opt": "sgd", "flag": True, "t": lw.tensor([2.0])}, {"acc": 1.0}, {"opt": ["sgd", "adam"]}, "run", 3
        )
        with pytest.raises(TypeError, match="dictionary"):
            w.add_hparams(3, {})
        with pytest.raises(ValueError, match="int, float, str, bool"):
            w.add_hparams({"a": object()}, {})
        with pytest.raises(TypeError, match="hparam_domain_discrete"):
            w.add_hparams({"a": 1}, {}, {"b": [1]})
    found = values(tmp_path / "run")
    assert found["acc"].simple_value == 1.0
    start = metadata.parse_session_start_info_plugin_data(found["_hparams_/session_start_info"].metadata.plugin_data.content)
    assert start.hparams["lr"].number_value == 0.1 and start.hparams["opt"].string_value == "sgd" and start.hparams["t"].number_value == 2
    about = metadata.parse_experiment_plugin_data(found["_hparams_/experiment"].metadata.plugin_data.content)
    assert {i.name for i in about.hparam_infos} == {"lr", "bs", "opt", "flag", "t"}
    assert [v.string_value for i in about.hparam_infos if i.name == "opt" for v in i.domain_discrete.values] == ["sgd", "adam"]


def test_embeddings(tmp_path):
    from google.protobuf import text_format
    from PIL import Image
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    points = lw.arange(12.0).reshape(4, 3)
    with SummaryWriter(tmp_path) as w:
        w.add_embedding(points, list("abcd"), lw.rand(4, 3, 5, 5), 2, "em/b")
        w.add_embedding(points, [["a", 1], ["b", 2], ["c", 3], ["d", 4]], global_step=3, metadata_header=["n", "v"])
        for bad, match in (({"metadata": ["a"]}, "#labels"), ({"label_img": lw.ones(3, 3, 2, 2)}, "#images")):
            with pytest.raises(AssertionError, match=match):
                w.add_embedding(points, **bad)
        with pytest.raises(AssertionError, match="2D"):
            w.add_embedding(lw.ones(3))
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    first, second = config.embeddings
    assert np.array_equal(np.loadtxt(tmp_path / first.tensor_path), points.numpy())
    assert (tmp_path / second.metadata_path).read_text() == "n\tv\na\t1\nb\t2\nc\t3\nd\t4\n"
    assert Image.open(tmp_path / first.sprite.image_path).size == (10, 10) and list(first.sprite.single_image_dim) == [5, 5]
    assert first.tensor_name == "em/b:00002" and "/em%2fb/" in first.tensor_path


class Net(lw.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = lw.nn.Sequential(lw.nn.Conv2d(1, 2, 3), lw.nn.ReLU(inplace=True))
        self.head = lw.nn.Linear(72, 3)

    def forward(self, x):
        return self.head(self.features(x).flatten(1)).softmax(-1)


def test_graph(tmp_path):
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    with SummaryWriter(tmp_path) as w:
        w.add_graph(Net(), lw.rand(2, 1, 8, 8))
        with pytest.raises(RuntimeError):
            w.add_graph(Net(), lw.rand(2, 2, 8, 8))
    graph = GraphDef.FromString(accumulated(tmp_path).Graph().SerializeToString())
    nodes = {n.name: n for n in graph.node}
    assert len(nodes) == len(graph.node)
    of = {n.op: n for n in graph.node if n.op.startswith("aten::")}
    assert of["aten::convolution"].name.startswith("Net/Sequential[features]/Conv2d[0]/")
    shape = of["aten::convolution"].attr["_output_shapes"].list.shape[0]
    assert [d.size for d in shape.dim] == [2, 2, 6, 6]
    assert "Net/Linear[head]/weight" in nodes and of["aten::relu"].input == [of["aten::convolution"].name]
    assert all(i.split(":")[0] in nodes for n in graph.node for i in n.input)
    # what is computed reaches the output: every operation lies on a path from it
    reached, todo = set(), ["output/output.1"]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += nodes[name].input
    assert "input/input.1" in reached and {n.name for n in of.values()} <= reached


def test_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    w = SummaryWriter(comment="_c")
    assert w.get_logdir().startswith("runs") and w.get_logdir().endswith("_c")
    w.add_scalar("x", 1, 1)
    w.close()
    w.add_scalar("x", 2, 2)  # a new file
    w.flush()
    assert len(os.listdir(w.log_dir)) == 2 and values(w.log_dir)["x"].simple_value == 2
    w.close()
    with SummaryWriter("resumed", purge_step=5, filename_suffix=".sfx") as v:
        v.add_scalar("q", 1, 6)
    assert os.listdir("resumed")[0].endswith(".sfx")
    assert [e.step for e in events("resumed")][-2:] == [5, 6] and any(e.session_log.status == 1 for e in events("resumed"))
    f = FileWriter("plain")
    f.close()
    f.reopen()
    f.close()
    assert f.get_logdir() == "plain"


def test_the_real_tensorboard_shows_it(tmp_path):
    from tensorboard import default, program

    with SummaryWriter(tmp_path / "run") as w:
        for step in range(5):
            w.add_scalar("loss", 1 / (step + 1), step)
        w.add_image("picture", lw.rand(3, 4, 6), 1)
        w.add_text("note", "some text", 1)
        w.add_graph(Net(), lw.rand(2, 1, 8, 8))
    board = program.TensorBoard(default.get_plugins())
    board.configure(argv=[None, "--logdir", str(tmp_path), "--host", "127.0.0.1", "--port", "0", "--load_fast", "false"])
    url = board.launch()

    def get(path):
        with urllib.request.urlopen(url + path, timeout=10) as answer:
            return answer.read()

    for _ in range(100):
        runs = json.loads(get("data/plugin/scalars/tags"))
        if "loss" in runs.get("run", {}) and json.loads(get("data/plugin/images/tags")).get("run"):
            break
        time.sleep(0.1)
    assert "loss" in runs["run"]
    scalars = json.loads(get("data/plugin/scalars/scalars?run=run&tag=loss"))
    assert [(s[1], round(s[2], 4)) for s in scalars] == [(0, 1.0), (1, 0.5), (2, 0.3333), (3, 0.25), (4, 0.2)]
    shown = json.loads(get("data/plugin/images/images?run=run&tag=picture&sample=0"))[0]
    from PIL import Image

    assert Image.open(io.BytesIO(get("data/plugin/images/individualImage?" + shown["query"]))).size == (6, 4)
    assert b"Conv2d[0]" in get("data/plugin/graphs/graph?run=run&conceptual=false")
    assert "note" in str(json.loads(get("data/plugin/text/tags")))


def test_the_files_are_pytorchs(tmp_path):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torch.utils.tensorboard")

    def log(t, writer, folder):
        rng = np.random.default_rng(0)
        with writer(str(folder)) as w:
            w.add_scalar("s", t.tensor(0.5), 1, walltime=1.0)
            w.add_histogram("h", rng.standard_normal(100), 1, walltime=1.0)
            w.add_image("i", rng.random((3, 5, 7)), 1, walltime=1.0)
            w.add_images("is", rng.random((9, 1, 5, 7)), 1, walltime=1.0)
            w.add_text("t", "text", 1, walltime=1.0)
            w.add_audio("a", rng.random(50), 1, walltime=1.0)
            w.add_pr_curve("p", rng.integers(0, 2, 50), rng.random(50), 1, walltime=1.0)
            w.add_mesh("m", t.ones(1, 2, 3), config_dict={"k": 1}, global_step=1, walltime=1.0)
            w.add_tensor("x", t.arange(3), 1, walltime=1.0)
            w.add_embedding(t.arange(6.0).reshape(3, 2), ["a", "b", "c"], t.ones(3, 3, 2, 2), 1)
        return [(e.step, e.summary) for e in events(folder)]

    assert log(lw, SummaryWriter, tmp_path / "ours") == log(torch, theirs.SummaryWriter, tmp_path / "theirs")
    for name in ("00001/default/tensors.tsv", "00001/default/metadata.tsv", "00001/default/sprite.png"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes(), name
