"""Expressions evaluated under PyTorch and under lightwell: values, dtype, shape, strides, graph, printed text, exception type.

The expressions stand in like_pytorch/*.txt, one a line (statements first, separated by semicolons); the tables of dtypes are
made below. Numbers may differ by roundings, everything else must be equal.
"""

import ast
import copy
import io
import itertools
import math
import pathlib
import pickle
import warnings

import numpy as np
import pytest

import lightwell

torch = pytest.importorskip("torch")

FILES = sorted(pathlib.Path(__file__).with_name("like_pytorch").glob("*.txt"))
TOLERANCE = {"float16": 1e-2, "bfloat16": 1e-2, "float32": 2e-6, "complex64": 2e-6}


def told(v, T):
    """What a user can see of a value."""
    if isinstance(v, T.Tensor):
        fn = v.grad_fn
        seen = [type(v).__name__, str(v.dtype), tuple(v.shape), tuple(v.stride()), v.requires_grad, v.is_leaf]
        seen += [v.is_contiguous(), None if fn is None else fn.name().rsplit(":")[-1], repr(v), v.detach().flatten().tolist()]
        return seen
    if isinstance(v, np.ndarray):
        return ["ndarray", str(v.dtype), v.shape, v.ravel().tolist()]
    if isinstance(v, np.generic):
        return ["scalar", str(v.dtype), [v.item()]]
    if isinstance(v, (tuple, list)):
        return [type(v).__qualname__, *(told(x, T) for x in v)]
    if isinstance(v, dict):
        return ["dict", *((k, told(x, T)) for k, x in v.items())]
    if isinstance(v, (float, complex)):
        return [type(v).__name__, [v]]
    if v is None or isinstance(v, (int, str, bytes)):
        return [type(v).__name__, v]
    if isinstance(v, type):
        return ["type", v.__name__]
    return [type(v).__name__, None if " at 0x" in repr(v) else repr(v)]


def outcome(source, T):
    """What the last expression of `source` shows, or the exception's type."""
    names = {
        "torch": T, "np": np, "F": T.nn.functional, "nn": T.nn, "nan": math.nan, "inf": math.inf, "math": math, "copy": copy,
        "pickle": pickle, "io": io, "t234": T.arange(24, dtype=T.float32).reshape(2, 3, 4),
        "m": T.tensor([[1.5, -2.0, 0.25], [4.0, 0.0, -1.0]]), "v": T.tensor([1.0, -2.0, 3.0]), "i": T.tensor([3, -5, 7]),
        "b": T.tensor([True, False, True]), "g": T.tensor([0.5, -1.0, 2.0], requires_grad=True), "e": T.empty(0),
    }  # fmt: skip
    T.manual_seed(0)
    *body, last = ast.parse(source).body
    try:
        for statement in body:
            exec(compile(ast.Module([statement], []), source, "exec"), names)
        if isinstance(last, ast.Expr):
            return told(eval(compile(ast.Expression(last.value), source, "eval"), names), T)
        exec(compile(ast.Module([last], []), source, "exec"), names)
        return None
    except Exception as error:
        return "raises", RuntimeError if isinstance(error, NotImplementedError) else type(error)
    finally:
        T.set_default_dtype(T.float32)
        T.set_printoptions(profile="default")


def alike(a, b, tolerance=1e-13) -> bool:
    """Equal up to rounding; the printed text of a tensor whose values differ by roundings is not compared."""
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        if len(a) == 10 and isinstance(a[1], str) and a[1].startswith("torch."):
            return a[:8] == b[:8] and (a[8] == b[8] or repr(a[9]) != repr(b[9])) and alike(a[9], b[9], TOLERANCE.get(a[1][6:], 1e-13))
        return all(alike(x, y, tolerance) for x, y in zip(a, b))
    if isinstance(a, (float, complex)) and type(a) is type(b):
        return a == b or (a != a and b != b) or abs(a - b) <= tolerance * max(abs(a), abs(b), 1e-3)
    return type(a) is type(b) and a == b


def check(sources) -> None:
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in sources:
            theirs, ours = outcome(source, torch), outcome(source, lightwell)
            if not alike(theirs, ours):
                wrong.append(f"{source}\n    torch:     {theirs}\n    lightwell: {ours}")
    assert not wrong, f"{len(wrong)} expressions differ:\n" + "\n".join(wrong[:20])


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_expressions(file):
    sources = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    assert len(sources) > 40
    check(sources)


FIRST = {"uint8": "[7,3,200]", "int": "[7,-7,5]", "float": "[7.5,-7.,0.5]", "complex": "[1+2j,-1.5,3j]", "bool": "[True,False,True]"}
SECOND = {"uint8": "[2,5,3]", "int": "[2,3,-3]", "float": "[2.,3.,-1.5]", "complex": "[2,1-1j,0.5]", "bool": "[True,True,False]"}
NAMES = "uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128 bool".split()


def kind(name: str) -> str:
    return name if name in ("uint8", "bool") else name.replace("bfloat", "float").rstrip("0123456789")


def tensor_of(name: str, values: dict) -> str:
    return f"torch.tensor({values[kind(name)]},dtype=torch.{name})"


@pytest.mark.parametrize("first", NAMES)
def test_dtypes_meet(first):
    pairs = "x+y x-y x*y x/y x//y x%y x==y x<y x>=y x&y x|y x^y torch.maximum(x,y) torch.cat([x,y]) torch.result_type(x,y)".split()
    zero_dim = "x+y x/y x**y x<y torch.maximum(x,y) torch.result_type(x,y)".split()
    sources = []
    for second in NAMES:
        a, b = tensor_of(first, FIRST), tensor_of(second, SECOND)
        sources += [f"x={a};y={b};{e}" for e in [*pairs, "torch.stack([x,y])", "torch.where(x==x,x,y)"]]
        sources += [f"x={a};y={b};x{o}=y;x" for o in "+ - * / // %".split()]
        sources += [f"x={a};y={b};{e}" for e in ("x.copy_(y)", "torch.add(x,y,out=x)", "torch.add(x,y,alpha=2)")]
        half = {"float16", "bfloat16"} & {first, second} and "complex" in first + second  # PyTorch has complex32
        if not half and (first, second) != ("bool", "bool"):
            sources += [f"x={a};y={b}[0];{e}" for e in zero_dim]
    check(sources)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_meet_dtypes(name):
    numbers = ["2", "2.5", "True", "0.0", "-2"]
    forms = "x+y x-y x*y x/y y+x y-x y*x y/x x==y x.fill_(y) torch.full_like(x,y) x.masked_fill(x==x,y) torch.result_type(x,y)".split()
    forms += ["torch.where(x==x,x,y)", "x[0]=y;x", "x+=y;x", "x*=y;x", "x/=y;x", "torch.full((2,),y,dtype=x.dtype)", "x&y", "y|x"]
    check(f"x={tensor_of(name, FIRST)};y={y};{form}" for y, form in itertools.product(numbers, forms))


@pytest.mark.parametrize("name", NAMES)
def test_one_tensor(name):
    forms = (
        "-x|+x|abs(x)|x.sum()|x.mean()|x.prod()|x.max()|x.min(0)|x.argmax()|x.cumsum(0)|x.sort()|x.unique()|x.any()|x.all()|x.exp()|x.sqrt()|"
        "x.floor()|x.round()|x.sign()|x.reciprocal()|x.square()|x.isnan()|x.float()|x.long()|x.bool()|x.half()|x.to(torch.complex64)|"
        "x.tolist()|bool(x[0])|int(x[2].real)|x.logical_not()|x.type()|x.element_size()|x.flip(0)|x.clone()|x[::2]|x[[0,2]]|x.view(torch.uint8)|"
        "torch.zeros(2,dtype=x.dtype)|torch.ones(2,2,dtype=x.dtype)|torch.eye(2,dtype=x.dtype)|torch.empty(0,dtype=x.dtype)|x.sum(dtype=torch.float64)|"
        "x.requires_grad_()|x.zero_()|x.fill_(1)|x.neg_()|torch.stack([x,x])|x.is_floating_point()|x.repeat_interleave(2)|x.clamp(0,1)"
    )
    check(f"x={tensor_of(name, FIRST)};{form}" for form in forms.split("|"))
