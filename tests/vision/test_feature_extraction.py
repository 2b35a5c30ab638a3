"""Steps of a traced model: their names are torchvision's, their values those of the model itself."""

import numpy as np
import pytest

import lightwell
from lightwell.vision import models
from lightwell.vision.models.feature_extraction import create_feature_extractor, get_graph_node_names

X = np.random.RandomState(0).randn(2, 3, 64, 64).astype(np.float32)


def test_names():
    train, evaluation = get_graph_node_names(models.resnet18())
    assert train == evaluation and train[:6] == ["x", "conv1", "bn1", "relu", "maxpool", "layer1.0.conv1"]
    assert {"layer1.0.add", "layer1.0.relu_1", "layer4.1.relu_1", "flatten", "fc"} <= set(train)
    assert "features.1.block.0" in get_graph_node_names(models.mobilenet_v3_small())[0]  # blocks of vision.ops are one step
    with pytest.warns(UserWarning, match="differ"):
        get_graph_node_names(models.googlenet(init_weights=False))


def test_values_are_the_models_own():
    lightwell.manual_seed(0)
    model = models.resnet18(num_classes=5).eval()
    body = create_feature_extractor(model, {"layer1": "a", "layer3.0.relu_1": "b", "fc": "c"})
    out = body(lightwell.tensor(X))
    assert list(out) == ["a", "b", "c"]
    stem = model.maxpool(model.relu(model.bn1(model.conv1(lightwell.tensor(X)))))
    low = model.layer1(stem)
    np.testing.assert_allclose(out["a"].detach().numpy(), low.detach().numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(out["b"].detach().numpy(), model.layer3[0](model.layer2(low)).detach().numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(out["c"].detach().numpy(), model(lightwell.tensor(X)).detach().numpy(), rtol=1e-4, atol=1e-4)
    cut = create_feature_extractor(model, ["layer1"])
    assert not any(name.startswith("layer2") for name in cut.state_dict()) or "layer2" not in str(cut.graph)
    assert next(cut.parameters()) is next(model.parameters())


def test_two_modes():
    model = models.googlenet(init_weights=False, num_classes=3)
    body = create_feature_extractor(model, train_return_nodes=["aux1.fc2"], eval_return_nodes=["fc"])
    assert list(body(lightwell.tensor(X))) == ["aux1.fc2"] and list(body.eval()(lightwell.tensor(X))) == ["fc"]
    with pytest.raises(ValueError, match="not present"):
        create_feature_extractor(model, ["fc9"])
    with pytest.raises(ValueError, match="both"):
        create_feature_extractor(model, train_return_nodes=["fc"])


@pytest.mark.parametrize("name", ["vgg11", "densenet121", "inception_v3", "vit_b_32", "swin_t", "efficientnet_b0", "regnet_y_400mf"])
def test_names_like_torchvision(name):
    pytest.importorskip("torchvision")
    from torchvision.models import feature_extraction as theirs
    from torchvision.models import get_model

    how = {"init_weights": True} if name == "inception_v3" else {}
    expected = theirs.get_graph_node_names(get_model(name, **how), suppress_diff_warning=True)
    assert get_graph_node_names(models.get_model(name, **how), suppress_diff_warning=True) == expected
