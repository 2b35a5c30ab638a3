"""Whole networks, exported with dynamic axes and run at other sizes."""

import math

import pytest

import lightwell as lw
from tests.onnx.running import agree

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
nn, F = lw.nn, lw.nn.functional


@pytest.fixture(autouse=True)
def _seed():
    lw.manual_seed(0)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, 400)
        return F.log_softmax(self.fc3(F.relu(self.fc2(F.dropout(F.relu(self.fc1(x)), training=self.training)))), dim=1)


def test_lenet(tmp_path):
    ran = agree(
        LeNet(), (lw.randn(1, 1, 28, 28),), tmp_path / "lenet.onnx", [(lw.randn(n, 1, 28, 28),) for n in (1, 2, 7)],
        input_names=["image"], output_names=["scores"], dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}},
    )  # fmt: skip
    assert ran.get_inputs()[0].shape == ["batch", 1, 28, 28] and ran.get_outputs()[0].shape == ["batch", 10]
    import onnx

    model = onnx.load(tmp_path / "lenet.onnx")
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    assert {"conv1.weight", "conv1.bias", "fc3.weight", "fc3.bias"} <= set(weights)
    assert [n.op_type for n in model.graph.node].count("Conv") == 2
    assert any(n.name.startswith("conv1/") for n in model.graph.node)


class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.down = None
        if stride != 1:
            self.down = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.down is None else self.down(x)
        return self.relu(y)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(True), nn.MaxPool2d(3, 2, 1))
        self.layers = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2), Block(16, 16, 1))
        self.pool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(lw.flatten(self.pool(self.layers(self.stem(x))), 1))


def test_resnet_at_other_batches_and_resolutions(tmp_path):
    net = ResNet()
    for _ in range(3):
        net(lw.randn(4, 3, 32, 32) * 2 + 1)  # statistics worth keeping
    statistics = {k: v.clone() for k, v in net.state_dict().items()}
    ran = agree(
        net, (lw.randn(2, 3, 32, 32),), tmp_path / "r.onnx", [(lw.randn(1, 3, 48, 40),), (lw.randn(3, 3, 64, 33),)],
        input_names=["x"], dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}},
    )  # fmt: skip
    assert ran.get_inputs()[0].shape == ["n", 3, "h", "w"] and ran.get_outputs()[0].shape == ["n", 5]
    assert all(lw.equal(v, statistics[k]) for k, v in net.state_dict().items())


class Positions(nn.Module):
    def __init__(self, d, longest=50):
        super().__init__()
        at, rate = lw.arange(longest).unsqueeze(1), lw.exp(lw.arange(0, d, 2) * (-math.log(10000.0) / d))
        table = lw.zeros(1, longest, d)
        table[0, :, 0::2], table[0, :, 1::2] = lw.sin(at * rate), lw.cos(at * rate)
        self.register_buffer("table", table)

    def forward(self, x):
        return x + self.table[:, : x.size(1)]


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.positions = nn.Embedding(11, 8), Positions(8)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.head = nn.Linear(8, 11)

    def forward(self, tokens):
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.size(1))
        x = self.positions(self.embed(tokens) * math.sqrt(8))
        return self.head(self.encoder(x, mask=mask))


def test_transformer_at_other_batches_and_lengths(tmp_path):
    def tokens(n, t):
        return (lw.randint(0, 11, (n, t)),)

    ran = agree(
        Encoder(), tokens(2, 6), tmp_path / "t.onnx", [tokens(1, 6), tokens(3, 9), tokens(5, 2)], input_names=["tokens"],
        output_names=["scores"], dynamic_axes={"tokens": {0: "batch", 1: "length"}},
    )  # fmt: skip
    assert ran.get_outputs()[0].shape == ["batch", "length", 11]


class LanguageModel(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.encoder, self.drop = nn.Embedding(13, 6), nn.Dropout(0.5)
        self.rnn = getattr(nn, kind)(6, 5, 2, dropout=0.2)
        self.decoder = nn.Linear(5, 13)

    def forward(self, tokens, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(tokens)), hidden)
        return F.log_softmax(self.decoder(self.drop(output)).view(-1, 13), dim=1), hidden


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_language_model_at_other_batches_and_lengths(kind, tmp_path):
    def args(t, n):
        state = lw.randn(2, n, 5)
        return lw.randint(0, 13, (t, n)), (state, lw.randn(2, n, 5)) if kind == "LSTM" else state

    axes = {"tokens": {0: "length", 1: "batch"}, "h": {1: "batch"}, **({"c": {1: "batch"}} if kind == "LSTM" else {})}
    agree(
        LanguageModel(kind), args(4, 2), tmp_path / "lm.onnx", [args(7, 3), args(1, 1)], input_names=list(axes), dynamic_axes=axes
    )  # fmt: skip


def test_sequence_classifier_without_given_states(tmp_path):
    class Sentiment(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.rnn = nn.Embedding(9, 4), nn.LSTM(4, 3, 2, bidirectional=True)
            self.head = nn.Linear(12, 2)

        def forward(self, tokens):
            out, _ = self.rnn(self.embed(tokens.T))
            return self.head(lw.cat((out[0], out[-1]), dim=1))

    def tokens(n, t):
        return (lw.randint(0, 9, (n, t)),)

    agree(Sentiment(), tokens(2, 5), tmp_path / "s.onnx", [tokens(4, 5), tokens(3, 8)], dynamic_shapes={"tokens": {0: "n", 1: "t"}})


class SuperResolution(nn.Module):
    """The network of PyTorch's super_resolution example."""

    def __init__(self, factor):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1, self.conv2 = nn.Conv2d(1, 64, (5, 5), (1, 1), (2, 2)), nn.Conv2d(64, 64, (3, 3), (1, 1), (1, 1))
        self.conv3, self.conv4 = nn.Conv2d(64, 32, (3, 3), (1, 1), (1, 1)), nn.Conv2d(32, factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(factor)

    def forward(self, x):
        x = self.relu(self.conv3(self.relu(self.conv2(self.relu(self.conv1(x))))))
        return self.pixel_shuffle(self.conv4(x))


def test_super_resolution(tmp_path):
    agree(
        SuperResolution(3), (lw.randn(1, 1, 12, 10),), tmp_path / "sr.onnx", [(lw.randn(2, 1, 7, 8),), (lw.randn(3, 1, 20, 9),)],
        input_names=["input"], output_names=["output"], dynamic_axes={"input": {0: "n", 2: "h", 3: "w"}, "output": {0: "n"}},
    )  # fmt: skip


def test_unet_at_other_resolutions(tmp_path):
    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.inner = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
            self.up, self.out = nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(8, 1, 1)

        def forward(self, x):
            a = F.leaky_relu(self.down(x))
            b = F.interpolate(F.avg_pool2d(self.inner(F.max_pool2d(a, 2)), 2), scale_factor=2, mode="bilinear")
            return self.out(lw.cat([a, self.up(F.pad(b, (1, 1, 1, 1), mode="reflect")[:, :, 1:-1, 1:-1])], 1))

    agree(UNet(), (lw.randn(2, 1, 8, 12),), tmp_path / "u.onnx", [(lw.randn(5, 1, 8, 12),)], dynamic_shapes=({0: "n"},))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "googlenet", "shufflenet_v2_x0_5"])
def test_vision_models(name, tmp_path):
    models = pytest.importorskip("lightwell.vision.models")
    net = getattr(models, name)(**({"init_weights": False} if name == "googlenet" else {}))
    x = lw.randn(3, 3, 64, 64)
    agree(net, (x[:1],), tmp_path / "v.onnx", [(x,)], tol=1e-4, input_names=["x"], dynamic_axes={"x": {0: "n"}})
