"""Every layer against PyTorch's: the same repr, the same state_dict, the same initial values bit for bit."""

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")

CASES = """
Identity() Linear(3,4) Linear(3,4,False) Linear(0,4) Linear(3,4,dtype=T.float64) Bilinear(3,4,5) Bilinear(3,4,5,bias=False)
Flatten() Flatten(0,2) Unflatten(1,(2,3)) Threshold(0.1,20) Threshold(0.1,20,True) RReLU() RReLU(0.1,0.2,True)
GELU() GELU('tanh') GLU() Hardshrink() Softshrink() Softshrink(0.25) LeakyReLU() LeakyReLU(0.2,True) ELU() ELU(0.2,True)
CELU() CELU(0.2,True) Softplus() Softplus(2,10) Hardtanh() Hardtanh(-2,2,True) PReLU() PReLU(3,0.1) Softmax() Softmax(1)
Softmin(1) LogSoftmax(1) Softmax2d() ReLU() ReLU(True) ReLU6() ReLU6(True) SELU(True) SiLU() SiLU(True) Mish(True)
Hardswish(True) Hardsigmoid(True) Sigmoid() Tanh() LogSigmoid() Softsign() Tanhshrink()
Conv1d(4,6,3) Conv1d(4,6,3,2,1,2,2,False) Conv1d(4,6,3,padding='same',padding_mode='circular') Conv2d(4,6,3)
Conv2d(4,6,(3,2),2,(1,2),2,2,False) Conv2d(4,6,(3,4),padding='same',padding_mode='reflect') Conv3d(4,6,3)
Conv3d(4,6,3,padding='valid') ConvTranspose1d(4,6,3)
ConvTranspose1d(4,6,3,stride=2,output_padding=1,groups=2,dilation=2,bias=False) ConvTranspose2d(4,6,3)
ConvTranspose2d(4,6,(3,2),stride=2,output_padding=1,groups=2,dilation=2,padding=1) ConvTranspose3d(4,6,3)
LazyLinear(4) LazyConv1d(4,3) LazyConv2d(4,3,bias=False) LazyConv3d(4,3) LazyConvTranspose1d(4,3)
LazyConvTranspose2d(4,3) LazyConvTranspose3d(4,3) LazyBatchNorm1d() LazyBatchNorm2d(affine=False)
LazyBatchNorm3d(track_running_stats=False) LazyInstanceNorm1d() LazyInstanceNorm2d() LazyInstanceNorm3d()
Embedding(5,3) Embedding(5,3,padding_idx=-1,max_norm=1.0,norm_type=1.0,scale_grad_by_freq=True,sparse=True)
EmbeddingBag(5,3) EmbeddingBag(5,3,mode='sum',max_norm=2.0,padding_idx=0)
BatchNorm1d(3) BatchNorm1d(3,1e-3,None) BatchNorm2d(3) BatchNorm2d(3,affine=False,track_running_stats=False) BatchNorm3d(3)
BatchNorm3d(3,bias=False) InstanceNorm1d(3) InstanceNorm2d(3,1e-3,None,True,True) InstanceNorm3d(3,affine=True,bias=False)
SyncBatchNorm(3) LayerNorm(3) LayerNorm((2,3),bias=False) LayerNorm(3,elementwise_affine=False) RMSNorm(3)
RMSNorm(3,1e-3,False) GroupNorm(2,4) GroupNorm(2,4,affine=False) GroupNorm(2,4,bias=False) LocalResponseNorm(2)
MaxPool1d(2) MaxPool2d(3,2,1) MaxPool2d((2,2),ceil_mode=True) MaxPool3d(2) AvgPool1d(2) AvgPool2d(3,2,1) AvgPool2d((2,2))
AvgPool3d(2) AdaptiveAvgPool1d(2) AdaptiveAvgPool2d((None,3)) AdaptiveAvgPool3d(2) AdaptiveMaxPool1d(2)
AdaptiveMaxPool2d(2) AdaptiveMaxPool3d(2) FractionalMaxPool2d(2,3) FractionalMaxPool2d((2,3),output_ratio=0.5)
FractionalMaxPool3d(2,(3,2,1)) LPPool1d(2,3) LPPool2d(2,3,1,True) LPPool3d(2,3) MaxUnpool1d(2)
MaxUnpool2d(2,3,1) MaxUnpool3d(2) PixelShuffle(2) PixelUnshuffle(2) ChannelShuffle(2) Unfold(2) Unfold((2,3),padding=1)
Fold((4,5),2) Upsample(scale_factor=2) Upsample(3) Upsample(scale_factor=(2,3),mode='bilinear') UpsamplingNearest2d(3)
UpsamplingBilinear2d(scale_factor=2) CosineSimilarity() PairwiseDistance() ZeroPad1d(2) ZeroPad2d((1,2,3,4)) ZeroPad3d(1)
ConstantPad1d(2,0.5) ConstantPad2d(2,0.5) ConstantPad3d(2,3) ReflectionPad1d(2) ReflectionPad2d(2) ReflectionPad3d(2)
ReplicationPad1d(2) ReplicationPad2d(2) ReplicationPad3d(2) CircularPad1d(2) CircularPad2d((1,1,2,2)) CircularPad3d(2)
Dropout() Dropout(0.2,True) Dropout1d() Dropout2d() Dropout3d() AlphaDropout() FeatureAlphaDropout()
RNN(3,4) RNN(3,4,2,'relu',False,True,0.5,True) LSTM(3,4) LSTM(3,4,2,True,True,0.1,True,2) GRU(3,4)
GRU(3,4,num_layers=2,bidirectional=True) RNNCell(3,4) RNNCell(3,4,False,'relu') LSTMCell(3,4) GRUCell(3,4,False)
L1Loss() MSELoss(reduction='sum') SmoothL1Loss() HuberLoss() BCELoss() BCELoss(T.ones(2)) BCEWithLogitsLoss()
BCEWithLogitsLoss(pos_weight=T.ones(3)) NLLLoss(T.ones(2)) CrossEntropyLoss() CrossEntropyLoss(T.ones(3))
PoissonNLLLoss() GaussianNLLLoss(full=True) KLDivLoss() HingeEmbeddingLoss() MultiLabelMarginLoss()
MultiLabelSoftMarginLoss() SoftMarginLoss() CosineEmbeddingLoss() MarginRankingLoss() MultiMarginLoss() TripletMarginLoss()
TripletMarginWithDistanceLoss() CTCLoss() CrossMapLRN2d(2) LinearCrossEntropyLoss(3,4) AdaptiveLogSoftmaxWithLoss(4,10,[2,5],div_value=2.0)
""".split()


def make(lib, case):
    lib.manual_seed(7)
    return eval(f"nn.{case}", {"nn": lib.nn, "T": lib})


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("case", CASES)
def test_layer_is_pytorchs(case):
    ours, theirs = make(lw, case), make(torch, case)
    assert repr(ours) == repr(theirs)
    a, b = ours.state_dict(), theirs.state_dict()
    assert list(a) == list(b)
    assert dict(a._metadata) == dict(b._metadata)
    for key, value in b.items():
        if "Uninitialized" in type(value).__name__:
            assert type(a[key]).__name__ == type(value).__name__
            continue
        assert str(a[key].dtype) == str(value.dtype), key
        np.testing.assert_array_equal(a[key].numpy(), value.numpy(), err_msg=key)
    assert [(n, p.requires_grad) for n, p in ours.named_parameters()] == [(n, p.requires_grad) for n, p in theirs.named_parameters()]


def test_every_layer_class_is_walked():
    exported = {name for name, c in vars(lw.nn).items() if isinstance(c, type) and issubclass(c, lw.nn.Module) and not name.startswith("_")}
    bases = {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "RNNBase", "RNNCellBase"}
    bases |= {"Container", "NLLLoss2d"}  # old names that warn
    elsewhere = {n for n in exported if n.startswith(("Transformer", "Multihead", "DataParallel"))}  # they have tests of their own
    assert exported - bases - elsewhere <= {case.partition("(")[0] for case in CASES}


BAD = [
    ("FractionalMaxPool2d(3)", ValueError),
    ("FractionalMaxPool2d(3,output_size=2,output_ratio=0.5)", ValueError),
    ("FractionalMaxPool3d(3,output_ratio=1.5)", ValueError),
    ("Conv2d(3,4,3,groups=2)", ValueError),
    ("Conv2d(4,3,3,groups=2)", ValueError),
    ("Conv2d(4,4,3,groups=0)", ValueError),
    ("Conv2d(4,4,3,padding='some')", ValueError),
    ("Conv2d(4,4,3,2,padding='same')", ValueError),
    ("Conv2d(4,4,3,padding_mode='mirror')", ValueError),
    ("ConvTranspose2d(4,4,3,padding_mode='reflect')", ValueError),
    ("Dropout(1.5)", ValueError),
    ("Dropout2d(-0.1)", ValueError),
    ("Bilinear(0,2,2)", ValueError),
    ("GroupNorm(3,4)", ValueError),
    ("Embedding(3,2,padding_idx=3)", AssertionError),
    ("Embedding(3,2,padding_idx=-4)", AssertionError),
    ("LSTM(3,0)", ValueError),
    ("LSTM(3.0,2)", TypeError),
    ("LSTM(3,2,proj_size=2)", ValueError),
    ("GRU(3,2,proj_size=1)", ValueError),
    ("RNN(3,2,nonlinearity='sin')", ValueError),
    ("LSTM(3,2,dropout=2.0)", ValueError),
    ("LSTM(3,2,bias=1)", TypeError),
    ("Hardtanh(1,-1)", AssertionError),
    ("MultiMarginLoss(p=3)", ValueError),
    ("TripletMarginLoss(margin=0)", ValueError),
    ("Unflatten(1,3)", TypeError),
    ("Unflatten(1,(2,'a'))", TypeError),
    ("Sequential(3)", TypeError),
    ("ModuleDict([1])", TypeError),
    ("ModuleDict([(1,2,3)])", ValueError),
    ("ModuleList(3)", TypeError),
]


@pytest.mark.parametrize(("case", "error"), BAD)
def test_bad_options_raise_as_pytorch(case, error):
    for lib in (torch, lw):
        with pytest.raises(error):
            make(lib, case)
