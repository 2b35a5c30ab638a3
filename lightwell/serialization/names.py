"""One class, two names: `torch.nn.modules.linear.Linear` in the file is `lightwell.nn.Linear` here, and back."""

import importlib
import sys

# Where PyTorch keeps what it offers under a shorter public name.
_MODULES = """
activation CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish
activation MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink
activation Softsign Tanh Tanhshrink Threshold
adaptive AdaptiveLogSoftmaxWithLoss
batchnorm BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d SyncBatchNorm
channelshuffle ChannelShuffle
container ModuleDict ModuleList ParameterDict ParameterList Sequential
conv Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d
conv LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
distance CosineSimilarity PairwiseDistance
dropout AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout
flatten Flatten Unflatten
fold Fold Unfold
instancenorm InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d
linear Bilinear Identity LazyLinear Linear
loss BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss HuberLoss
loss KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss
loss NLLLoss2d PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss
module Module
normalization CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm
padding CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d
padding ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d
pixelshuffle PixelShuffle PixelUnshuffle
pooling AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
pooling AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d
pooling MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d
rnn GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase
sparse Embedding EmbeddingBag
transformer Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer
upsampling Upsample UpsamplingBilinear2d UpsamplingNearest2d
"""
_OPTIM = "ASGD Adadelta Adagrad Adam AdamW Adamax LBFGS NAdam Optimizer RAdam RMSprop Rprop SGD SparseAdam"
_DATA = """
sampler BatchSampler RandomSampler Sampler SequentialSampler SubsetRandomSampler WeightedRandomSampler
dataset ChainDataset ConcatDataset Dataset IterableDataset StackDataset Subset TensorDataset
dataloader DataLoader
"""


def _places() -> dict[tuple[str, str], str]:
    table = {}
    for package, lines in (("nn", _MODULES), ("utils.data", _DATA)):
        for line in lines.split("\n"):
            home, *names = line.split() or [""]
            for name in names:
                table[package, name] = f"torch.{package}.modules.{home}" if package == "nn" else f"torch.{package}.{home}"
    for name in _OPTIM.split():
        table["optim", name] = f"torch.optim.{name.lower()}"
    table["nn", "Parameter"] = table["nn", "Buffer"] = "torch.nn.parameter"
    return table


_PLACES = _places()

# Modules of PyTorch's whose contents stand elsewhere here ("" is the front door).
_ALIAS = {
    "torch._C": "", "torch._C._nn": "nn.functional", "torch.functional": "", "torch._tensor": "_utils",
    "torch.storage": "",
    "torch.random": "random", "torch.nn.parameter": "nn",
}  # fmt: skip


def find(module: str, name: str):
    """This library's object for PyTorch's `module.name`; None where there is none."""
    if module != "torch" and not module.startswith("torch."):
        return None
    if name == "_VariableFunctionsClass":  # the holder of torch.relu and its kin, as PyTorch pickles them
        return importlib.import_module("lightwell")
    path = _ALIAS.get(module, module[6:])
    parts = path.split(".") if path else []
    # torch.nn.modules.linear.Linear may be lightwell.nn.modules.linear.Linear, …nn.modules.Linear or …nn.Linear
    for k in range(len(parts), 0 if parts else -1, -1):
        try:
            obj = importlib.import_module(".".join(["lightwell", *parts[:k]]))
        except ModuleNotFoundError:
            continue
        for step in name.split("."):
            obj = getattr(obj, step, None)
        if obj is not None and type(obj) is not type(sys):
            return obj
    return None


def torch_name(obj, name: str | None = None) -> tuple[str, str] | None:
    """PyTorch's (module, name) of an object of this library; None for anything else or what PyTorch doesn't have."""
    module = getattr(obj, "__module__", None)
    name = name or getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str) or not (module + ".").startswith("lightwell."):
        return None
    package = module.removeprefix("lightwell").removeprefix(".")
    tries = []
    for top in ("nn", "optim", "utils.data"):
        if (package + ".").startswith(top + ".") and (top, name) in _PLACES:
            tries.append(_PLACES[top, name])
    if package == "_utils" and name == "_rebuild_from_type_v2":
        tries.append("torch._tensor")
    elif package == "_utils" or package.startswith(("optim.lr_scheduler", "nn.utils", "distributions")):
        tries.append("torch." + package)
    if package.startswith("optim"):
        tries.append("torch.optim.lr_scheduler")
    if not isinstance(obj, type):
        tries.append("torch.nn.functional")
    tries += ["torch", "torch.optim", "torch.nn", "torch.utils.data", "torch.utils.hooks", "torch.nn.modules.module"]
    for home in tries:
        if find(home, name) is obj:
            return home, name
    return None
