"""Image networks: names, shapes and initial values of their parameters are torchvision's; weights load, outputs have their shapes."""

import hashlib
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

import lightwell
from lightwell.vision import models

ROWS = [line.split("\t") for line in (Path(__file__).parent / "models.tsv").read_text().splitlines() if line[0] != "#"]
SMALL = [row for row in ROWS if row[3] != "-"]
QUIET = {"googlenet": {"init_weights": True}, "inception_v3": {"init_weights": True}}


def check(name, count, digest):
    """Number of parameters, and names and shapes of the whole state."""
    model = models.get_model(name, **QUIET.get(name, {}))
    assert sum(p.numel() for p in model.parameters()) == int(count)
    text = "\n".join(f"{k} {tuple(v.shape)}" for k, v in model.state_dict().items())
    assert hashlib.sha1(text.encode()).hexdigest()[:16] == digest
    return model


@pytest.mark.parametrize("name, count, digest, total", SMALL, ids=[row[0] for row in SMALL])
def test_parameters_and_initial_values(name, count, digest, total):
    lightwell.manual_seed(0)
    model = check(name, count, digest)
    found = sum(float(v.double().abs().sum()) for v in model.state_dict().values())
    np.testing.assert_allclose(found, float(total), rtol=1e-7)


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "swin_t"])
def test_parameters_of_larger_ones(name):
    check(name, *next(row[1:3] for row in ROWS if row[0] == name))


@pytest.mark.slow
@pytest.mark.parametrize("name, count, digest, total", [r for r in ROWS if r not in SMALL], ids=lambda r: str(r)[:20])
def test_parameters_of_all_others(name, count, digest, total):
    if int(count) > 2e8:
        pytest.skip("more memory than a test should take")
    check(name, count, digest)


def test_known_counts():
    """The figures that papers and tutorials quote."""
    known = {"resnet18": 11_689_512, "alexnet": 61_100_840, "vgg16": 138_357_544, "googlenet": 13_004_888, "vit_b_16": 86_567_656}
    assert known.items() <= {row[0]: int(row[1]) for row in ROWS}.items()
    model = models.googlenet(aux_logits=False, init_weights=False)
    assert sum(p.numel() for p in model.parameters()) == 6_624_904


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small", "mnasnet0_5", "regnet_y_400mf"])
def test_trains_and_pickles(name):
    lightwell.manual_seed(1)
    model = models.get_model(name, num_classes=5)
    x = lightwell.randn(2, 3, 64, 64)
    model(x).logsumexp(1).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.eval()
    again = pickle.loads(pickle.dumps(model))
    with lightwell.no_grad():
        np.testing.assert_array_equal(again(x).numpy(), model(x).numpy())


def test_auxiliary_outputs():
    model = models.googlenet(num_classes=3, init_weights=False)
    out = model(lightwell.randn(2, 3, 64, 64))
    assert type(out).__name__ == "GoogLeNetOutputs" and [o.shape[1] for o in out] == [3, 3, 3]
    assert model.eval()(lightwell.randn(1, 3, 64, 64)).shape == (1, 3)
    with pytest.warns(FutureWarning, match="init_weights"):
        models.googlenet()


def test_dilated_and_zero_initialised():
    model = models.resnet50(replace_stride_with_dilation=[False, True, True], zero_init_residual=True, num_classes=2)
    assert model.layer4[1].conv2.dilation == (4, 4) and float(model.layer1[0].bn3.weight.abs().sum()) == 0
    with pytest.raises(ValueError, match="3-element"):
        models.resnet18(replace_stride_with_dilation=[True])
    with pytest.raises(NotImplementedError):
        models.resnet.BasicBlock(4, 4, dilation=2)


def test_older_names_in_weight_files():
    net = models.DenseNet(4, (2, 2), 8, num_classes=3)
    state = {k.replace("norm1", "norm.1").replace("conv2", "conv.2"): v for k, v in net.state_dict().items()}
    net.load_state_dict(state)
    block = models.vision_transformer.MLPBlock(4, 8, 0.0)
    state = block.state_dict()
    old = {k.replace("0.", "linear_1.", 1).replace("3.", "linear_2.", 1): v for k, v in state.items()}
    block.load_state_dict(old)


def test_weights_enumerations():
    weights = models.ResNet50_Weights
    assert weights.DEFAULT is weights.IMAGENET1K_V2 and repr(weights.IMAGENET1K_V1) == "ResNet50_Weights.IMAGENET1K_V1"
    assert weights.IMAGENET1K_V1.url.endswith("resnet50-0676ba61.pth")
    meta = weights.DEFAULT.meta
    assert len(meta["categories"]) == 1000 and meta["categories"][207] == "golden retriever" and meta["num_params"] == 25557032
    preset = weights.DEFAULT.transforms()
    assert preset(lightwell.zeros(3, 300, 400, dtype=lightwell.uint8)).shape == (3, 224, 224) and "resize_size=[232]" in repr(preset)
    assert models.get_weight("ResNet50_Weights.IMAGENET1K_V2") is weights.DEFAULT
    assert models.get_model_weights("resnet50") is weights is models.get_model_weights(models.resnet50)
    assert pickle.loads(pickle.dumps(weights.DEFAULT)) is weights.DEFAULT
    assert weights.verify("DEFAULT") is weights.DEFAULT and weights.verify(None) is None
    with pytest.raises(TypeError, match="expected ResNet50_Weights"):
        models.resnet50(weights=models.ResNet18_Weights.DEFAULT)
    with pytest.raises(ValueError, match="Unknown model"):
        models.get_model("resnet19")
    with pytest.raises(ValueError, match="retrieved"):
        models.get_weight("ResNet19_Weights.DEFAULT")
    for row in ROWS:
        assert models.get_model_weights(row[0]).DEFAULT.meta["num_params"] > 0


class Fetched:
    """Stands for the download of a weight file."""

    def __init__(self, monkeypatch, model):
        self.state, self.asked = model.state_dict(), []
        monkeypatch.setattr(models.WeightsEnum, "get_state_dict", lambda weights, **how: self.asked.append(weights) or self.state)


def test_pretrained(monkeypatch):
    lightwell.manual_seed(3)
    given = models.squeezenet1_1()
    fetched = Fetched(monkeypatch, given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = models.squeezenet1_1(weights="DEFAULT")
    assert fetched.asked == [models.SqueezeNet1_1_Weights.IMAGENET1K_V1]
    np.testing.assert_array_equal(net.classifier[1].weight.detach().numpy(), given.classifier[1].weight.detach().numpy())
    with pytest.warns(UserWarning) as told:
        models.squeezenet1_1(pretrained=True, progress=False)
    assert ["'pretrained' is deprecated" in str(w.message) for w in told] == [True, False]
    assert "weights=SqueezeNet1_1_Weights.IMAGENET1K_V1" in str(told[1].message)
    with pytest.warns(UserWarning) as told:
        models.squeezenet1_1(True)
    assert "positional" in str(told[0].message) and len(told) == 2
    with pytest.warns(UserWarning) as told:
        models.squeezenet1_1(pretrained=False)
    assert "weights=None" in str(told[1].message)
    with pytest.raises(ValueError, match="'num_classes' expected value 1000 but got 10"):
        models.squeezenet1_1(weights="DEFAULT", num_classes=10)
    assert len(fetched.asked) == 3


def test_pretrained_googlenet_drops_what_was_not_asked_for(monkeypatch):
    Fetched(monkeypatch, models.googlenet(init_weights=False))
    net = models.googlenet(weights="DEFAULT")
    assert net.aux1 is None and net.aux_logits is False and net.transform_input is True


def test_found_by_name():
    assert callable(models.__dict__["resnet18"]) and "densenet121" in models.list_models()
    assert models.list_models(include="res*", exclude=["*101*", "resnet1*"]) == ["resnet34", "resnet50", "resnext50_32x4d"]
    assert models.list_models(module=models.resnet, include="resnet*") == ["resnet101", "resnet152", "resnet18", "resnet34", "resnet50"]


def test_intermediate_layers():
    from lightwell.vision.models._utils import IntermediateLayerGetter

    getter = IntermediateLayerGetter(models.resnet18(), {"layer1": "a", "layer3": "b"})
    out = getter(lightwell.zeros(1, 3, 64, 64))
    assert {k: tuple(v.shape) for k, v in out.items()} == {"a": (1, 64, 16, 16), "b": (1, 256, 4, 4)} and "layer4" not in getter
    with pytest.raises(ValueError, match="not present"):
        IntermediateLayerGetter(models.resnet18(), {"layer9": "a"})


def test_vision_transformer_checks_its_input():
    net = models.VisionTransformer(32, 16, 1, 2, 8, 16, num_classes=3, representation_size=4)
    with pytest.raises(AssertionError, match="Expected 32 but got 48"):
        net(lightwell.zeros(1, 3, 48, 32))
    state = models.vision_transformer.interpolate_embeddings(64, 16, net.state_dict())
    models.VisionTransformer(64, 16, 1, 2, 8, 16, num_classes=3, representation_size=4).load_state_dict(state)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "efficientnet_b0", "convnext_tiny", "swin_v2_t", "vit_b_32"])
def test_like_torchvision(name):
    torchvision = pytest.importorskip("torchvision")
    import torch

    for seed in (0, 1):
        torch.manual_seed(seed)
        lightwell.manual_seed(seed)
        theirs, ours = torchvision.models.get_model(name, num_classes=4), models.get_model(name, num_classes=4)
        assert repr(theirs) == repr(ours)
        for (k, a), (l, b) in zip(theirs.state_dict().items(), ours.state_dict().items(), strict=True):
            assert k == l
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    x = np.random.RandomState(0).randn(2, 3, *(224, 224) if name == "vit_b_32" else (64, 64)).astype(np.float32)
    torch.manual_seed(2)
    lightwell.manual_seed(2)
    with torch.no_grad(), lightwell.no_grad():
        np.testing.assert_allclose(ours(lightwell.tensor(x)).numpy(), theirs(torch.tensor(x)).numpy(), rtol=2e-3, atol=2e-3)
    assert torch.rand(1).item() == lightwell.rand(1).item()


def test_weight_files_are_found_in_the_cache(monkeypatch, tmp_path):
    """A file that is there already is loaded, not downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    lightwell.manual_seed(5)
    given = models.squeezenet1_1()
    lightwell.save(given.state_dict(), folder / models.SqueezeNet1_1_Weights.DEFAULT.url.rsplit("/", 1)[1])
    net = models.squeezenet1_1(weights=models.SqueezeNet1_1_Weights.DEFAULT)
    for a, b in zip(net.parameters(), given.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
