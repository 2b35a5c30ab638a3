"""Write docs/ops/: a page for each operation, in English and Chinese, from the registry: formula, derivation, types, example, plot.

python tools/make_op_docs.py            writes the pages that changed, removes those of operations that are gone
python tools/make_op_docs.py --check    writes nothing; exit code 1 and the names of the pages that differ
python tools/make_op_docs.py tanh mm    these operations only
"""

import argparse
import re
import sys
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
for _place in (str(ROOT), str(ROOT / "tools")):
    if _place not in sys.path:
        sys.path.insert(0, _place)

import op_plots  # noqa: E402

import lightwell  # noqa: E402
from lightwell.explain.story import write_markup  # noqa: E402
from lightwell.explain.story.document import Code, Document, Heading, Paragraph, Picture, Program, Table  # noqa: E402
from lightwell.explain.story.examples import Example, examples  # noqa: E402
from lightwell.explain.story.of_op import derivation_blocks, registered  # noqa: E402
from lightwell.language import say  # noqa: E402

FOLDER = ROOT / "docs" / "ops"
DTYPES = "float32 float64 float16 bfloat16 int64 bool complex64".split()
FAMILIES = {  # the module that has the records -> what its operations are, in the order of the index
    "arith": ("Arithmetic", "四则运算"), "pointwise": ("Elementary functions", "初等函数"), "activations": ("Activation functions", "激活函数"),
    "softmax": ("Softmax and cross-entropy", "softmax 与交叉熵"), "loss_ops": ("Losses", "损失函数"), "products": ("Products of matrices", "矩阵乘积"),
    "conv": ("Convolution", "卷积"), "pool": ("Pooling, resampling, padding", "汇聚、重采样与填充"), "norm_ops": ("Normalisation", "规范化"),
    "recurrent": ("Recurrent layers", "循环层"), "embedding_ops": ("Embedding", "嵌入"), "reduce": ("Sums, means, products", "求和、均值、连乘"),
    "moments": ("Variance, norms, log-sum-exp", "方差、范数、log-sum-exp"), "extremes": ("Largest and smallest", "最大值与最小值"),
    "sorting": ("Sorting and ranks", "排序与秩"), "scan": ("Running sums and products", "累积运算"), "choose": ("Choices", "选择"),
    "pairs": ("Functions of two numbers", "二元函数"), "compare": ("Comparisons and logic", "比较与逻辑"), "rounding": ("Rounding", "取整"),
    "complexes": ("Complex numbers", "复数"), "special_ops": ("Special functions", "特殊函数"), "shape": ("Shapes", "形状"), "axes": ("Order of dimensions", "维度次序"),
    "broadcasting": ("Broadcasting", "广播"), "join": ("Joining", "拼接"), "parts": ("Taking apart", "拆分"), "layout": ("Layout", "布局"),
    "triangles": ("Triangles", "三角部分"), "indexing": ("Indexing", "索引"), "picking": ("Picking", "选取"), "pick": ("Picking along a dimension", "沿维度选取"),
    "masks": ("Masks", "掩码"), "scattering": ("Scattering", "散布"), "scatter_reduce": ("Scattering with a reduction", "带归约的散布"),
    "solving": ("Linear equations, determinants", "线性方程与行列式"), "decompose": ("Decompositions", "矩阵分解"), "spectral": ("Eigenvalues, singular values", "特征值与奇异值"),
    "fourier": ("Fourier transforms", "傅里叶变换"), "sparse": ("Sparse matrices", "稀疏矩阵"), "statistics": ("Counting", "计数"),
    "regions": ("Regions of pictures", "图像区域"), "convert": ("Types", "类型"), "inplace": ("Writing in place", "原地写入"),
}  # fmt: skip


def literal(a) -> str:
    """An array as a list to type."""
    return re.sub(r"\s+", " ", np.array2string(a, separator=", ", threshold=1000, floatmode="maxprec", max_line_width=10**6)).replace(
        "\n", ""
    )


def arrays_of(e: Example) -> dict:
    """The example's inputs as a page shows them: in float32, with few decimals."""
    out = {}
    for name, a in e.arrays().items():
        out[name] = np.round(a, 2).astype(np.float32) if a.dtype == np.float64 else a.astype(np.complex64) if a.dtype.kind == "c" else a
    return out


def program(e: Example) -> tuple[str, dict]:
    """The example as a session at the prompt, with what it really prints."""
    import contextlib
    import io

    lines = ["import lightwell as torch"]
    if re.search(r"\bF\.", e.code):
        lines.append("from lightwell.nn import functional as F")
    if re.search(r"\bnn\.", e.code):
        lines.append("from lightwell import nn")
    drawn = arrays_of(e)
    if "nn." in e.code or "training" in e.code or "fractional" in e.code or any(a.size > 16 for a in drawn.values()):
        lines.append("_ = torch.manual_seed(0)")
    for name, a in drawn.items():
        grad = ", requires_grad=True" if a.dtype.kind in "fc" else ""
        if a.size > 16 and a.dtype == np.float32:
            lines.append(f"{name} = torch.randn({', '.join(map(str, a.shape))}{grad})")
        else:
            kind = ", dtype=torch.bool" if a.dtype == bool else ""
            lines.append(f"{name} = torch.tensor({literal(a)}{kind}{grad})")
    *before, last = e.statements()
    lines += [*before, f"out = {last}", "out"]
    space: dict = {}
    shown = []
    for line in lines:
        shown.append(">>> " + line)
        if line == "out":
            text = repr(space["out"])
            shown += text.splitlines()
        else:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(line, space)
    first = next((n for n, a in drawn.items() if a.dtype.kind == "f"), None)
    result = space["out"] if hasattr(space["out"], "_node") else None
    if first is not None and result is not None and result.requires_grad and not result.is_complex() and "autograd.grad" not in e.code:
        whole = result.sum() if result.ndim else result
        how = "out.sum()" if result.ndim else "out"
        leaf = space[first]
        if result.ndim and result.numel() > 1 and result.requires_grad:
            (g,) = lightwell.autograd.grad(whole, leaf, retain_graph=True, allow_unused=True)
            if g is not None and g.numel() and float(g.abs().max()) < 1e-5:  # a sum that is always the same, as of probabilities
                place = ", ".join("0" for _ in result.shape)
                whole, how = result[(0,) * result.ndim], f"out[{place}]"
        shown.append(f">>> {how}.backward(); {first}.grad")
        whole.backward()
        shown += repr(leaf.grad).splitlines()
    return "\n".join(shown) + "\n\n", space


def types(e: Example) -> list:
    """Rows (dtype of the inputs, dtype of the result) that the example works with."""
    rows = []
    for dtype in DTYPES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as -inf as an integer
                made = _cast(e, dtype)
        except Exception as error:
            if isinstance(error, (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError)):
                rows.append((dtype, None))
                continue
            raise
        made = made if hasattr(made, "dtype") else next((t for t in _flat(made) if hasattr(t, "dtype")), None)
        rows.append((dtype, None if made is None else str(made.dtype).removeprefix("torch.")))
    return rows


def _flat(v):
    return [t for x in v for t in _flat(x)] if isinstance(v, (tuple, list)) else [v]


def _cast(e: Example, dtype: str):
    """The example's result with its floating-point inputs in another dtype."""
    from lightwell import nn

    space = {"torch": lightwell, "nn": nn, "F": nn.functional}
    lightwell.manual_seed(0)
    for name, a in e.arrays().items():
        t = lightwell.from_numpy(np.array(a))
        space[name] = t.to(getattr(lightwell, dtype)) if a.dtype == np.float64 else t
    *before, last = e.statements()
    with lightwell.no_grad() if "autograd.grad" not in e.code else lightwell.enable_grad():
        for line in before:
            exec(line, space)
        return eval(last, space)


def plot(e: Example) -> str | None:
    """The operation's picture: a curve for a function of each element, else which inputs reach which outputs."""
    drawn = e.arrays()
    rec = registered()[e.op]
    names = [n for n, a in drawn.items() if a.dtype == np.float64]
    if not names:
        return None
    try:
        if len(drawn) == 1 and e.code.count("(") <= 2 and rec.inputs == ("x",) and _pointwise(e, names[0]):
            return _curve(e, names[0], rec.differentiable)
        return _reach(e, names[0]) if rec.differentiable else None
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
        return None


def _pointwise(e: Example, name: str) -> bool:
    a = e.arrays()[name]
    whole, other = e.run({name: a}), e.run({name: a.reshape(-1)[:1].repeat(a.size).reshape(a.shape)})
    if not hasattr(whole, "shape") or tuple(whole.shape) != a.shape or whole._a.dtype.kind not in "fbiu":
        return False
    first = np.broadcast_to(whole._a.reshape(-1)[0], a.shape)
    return bool(np.allclose(other._a.astype(float), first.astype(float), equal_nan=True)) and e.op not in (
        "flip",
        "roll",
        "tril",
        "triu",
        "clone",
    )


def _curve(e: Example, name: str, differentiable: bool) -> str:
    low, high = e.inputs[0][3], e.inputs[0][4]
    if (low, high) == (-2.0, 2.0):
        low, high = -4.0, 4.0
    x = np.linspace(low, high, 201)
    y = e.run({name: x})
    slope = None
    if differentiable and y.requires_grad:
        (g,) = lightwell.autograd.grad(y.sum(), e_input(e, y), allow_unused=True)
        slope = None if g is None else g._a.astype(float)
    return op_plots.curves(x, y.detach()._a.astype(float), slope, f"{e.op}: y and its derivative")


def e_input(e: Example, y):
    """The leaf that the example's result came from."""
    edge = y._node
    while not hasattr(edge, "_a"):
        edge = next(v for v in getattr(edge, "node", edge).edges if v is not None)
    return edge


def _reach(e: Example, name: str) -> str | None:
    arrays = e.arrays()
    leaf = None
    out = e.run(arrays)
    tensors = [t for t in _flat(out) if hasattr(t, "_node") and t.requires_grad and not t.is_complex()]
    if not tensors:
        return None
    y = tensors[0].reshape(-1)
    leaves = _leaves(y)
    shape = arrays[name].shape
    leaf = next((t for t in leaves if t.shape == shape and np.array_equal(t._a, arrays[name])), None)
    if leaf is None or y.numel() > 64 or leaf.numel() > 64:
        return None
    rows = [lightwell.autograd.grad(y[i], leaf, retain_graph=True, allow_unused=True)[0] for i in range(y.numel())]
    jacobian = np.stack([np.zeros(leaf.numel()) if r is None else r._a.reshape(-1).astype(float) for r in rows])
    return op_plots.reach(jacobian, "y", name, f"{e.op}: which elements of {name} move which elements of the result")


def _leaves(t) -> list:
    from lightwell.explain.story.values import nodes_of

    return list({id(v): v for n in nodes_of(t._node) for v in n.edges if hasattr(v, "_a")}.values())


def page(op: str, picture: str | None) -> Document:
    """An operation's page in the language in use."""
    rec, e = registered()[op], examples().get(op)
    inputs = say("Tensors: ", "张量：") + ", ".join(rec.inputs) + say(". Results: ", "。结果：") + ", ".join(rec.outputs)
    if rec.params:
        inputs += say(". Plain arguments: ", "。普通参数：") + ", ".join(rec.params)
    blocks: list = [Paragraph([inputs + say(".", "。")])]
    found = derivation_blocks(op, True)
    if found:
        blocks += found
    else:
        blocks.append(Paragraph([Code(" ".join((rec.doc or op).split()))]))
    if not rec.differentiable:
        blocks.append(Paragraph([say("No gradient flows through this operation.", "该运算不传递梯度。")]))
    if picture is not None:
        blocks.append(Heading(say("Picture", "图示"), 2))
        if "derivative" in picture:
            about = say("The full line is y, the dashed one its derivative.", "实线为 y，虚线为其导数。")
        else:
            about = say(
                "Row i, column j shows ∂y[i]/∂x[j] on the example below: violet is positive, orange negative, empty zero.",
                "第 i 行第 j 列表示下例中的 ∂y[i]/∂x[j]：紫色为正，橙色为负，空白为零。",
            )
        blocks += [Picture(picture, op, say("", "../") + f"plots/{op}.svg"), Paragraph([about])]
    if e is not None:
        text, _ = program(e)
        blocks += [Heading(say("Example", "例子"), 2), Program(text.rstrip("\n") + "\n\n")]
        blocks += [Heading(say("Shapes and types", "形状与类型"), 2), *_shapes(e)]
    end = Paragraph([say("At the prompt: ", "在命令行中："), Code(f"print(lightwell.explain({op!r}))"), say(".", "。")])
    return Document(op, [*blocks, end], "en")


def _shapes(e: Example) -> list:
    out = e.run()
    rows = [[[Code(n)], [str(tuple(a.shape))], [say("input", "输入")]] for n, a in e.arrays().items()]
    rows += [[[Code(f"out[{i}]" if isinstance(out, (tuple, list)) else "out")], [str(tuple(t.shape))], [say("result", "结果")]]
             for i, t in enumerate(t for t in _flat(out) if hasattr(t, "shape"))]  # fmt: skip
    blocks: list = [Table(["", say("shape", "形状"), ""], rows)]
    if any(a.dtype == np.float64 for a in e.arrays().values()):
        works = [(a, b) for a, b in types(e) if b is not None]
        refused = [a for a, b in types(e) if b is None]
        table = [[[Code(a)], [Code(b)]] for a, b in works]
        blocks.append(Table([say("inputs", "输入"), say("result", "结果")], table))
        if refused:
            blocks.append(Paragraph([say("Not for ", "不支持 "), ", ".join(refused), say(".", "。")]))
    return blocks


def index(families: dict) -> str:
    """The table of contents in the language in use."""
    blocks: list = [
        Paragraph([
            say(
                "Every operation that the library knows: its formula, and how its gradient follows, step by step. Each page is made from the "
                "operation's record, and each line is checked against the gradient that the library computes.",
                "本库的每个运算：它的公式，以及梯度是怎样一步步推出来的。每页都由运算的记录生成，每一行都与实际计算的梯度核对过。",
            )
        ])
    ]  # fmt: skip
    document = Document(say("Operations", "运算"), blocks, "en")
    text = write_markup.markdown(document, True)
    for family, ops in families.items():
        title = FAMILIES.get(family, (family, family))
        text += f"\n## {say(*title)}\n\n" + " · ".join(f"[{op}]({op}.md)" for op in ops) + "\n"
    other = say("[中文](zh/README.md)", "[English](../README.md)")
    text += f"\n{other}\n"
    return text


def pages(only=()) -> dict:
    """{path: text} of everything under docs/ops."""
    made: dict = {}
    known = {n: r for n, r in registered().items() if r.spec.__module__.startswith("lightwell.")}
    families: dict = {f: [] for f in FAMILIES}
    for name, rec in known.items():
        families.setdefault(rec.spec.__module__.rpartition(".")[2], []).append(name)
    families = {f: sorted(ops) for f, ops in families.items() if ops}
    for op in only or known:
        e = examples().get(op)
        picture = plot(e) if e is not None else None
        if picture is not None:
            made[FOLDER / "plots" / f"{op}.svg"] = picture
        for language, folder in (("en", FOLDER), ("zh", FOLDER / "zh")):
            lightwell.set_language(language)
            made[folder / f"{op}.md"] = write_markup.markdown(page(op, picture), True)
    if not only:
        for language, folder in (("en", FOLDER), ("zh", FOLDER / "zh")):
            lightwell.set_language(language)
            made[folder / "README.md"] = index(families)
    lightwell.set_language(None)
    return made


def differing(made: dict, whole: bool = True) -> list:
    """The pages that are not on disk as they would be made, and those on disk that would not be made."""
    found = [p for p, text in made.items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    if whole:
        found += [p for p in sorted(FOLDER.rglob("*")) if p.is_file() and p not in made]
    return found


def main(argv=None) -> int:
    """Write or check the pages; the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/ops/ from the registry.")
    parser.add_argument("ops", nargs="*", help="these operations only")
    parser.add_argument("--check", action="store_true", help="write nothing; tell what differs")
    options = parser.parse_args(argv)
    made = pages(options.ops)
    changed = differing(made, not options.ops)
    if options.check:
        for p in changed:
            print(f"{p.relative_to(ROOT)} is not what tools/make_op_docs.py makes")
        return int(bool(changed))
    for p in changed:
        if p in made:
            p.parent.mkdir(parents=True, exist_ok=True)
            p.write_text(made[p], encoding="utf-8")
        else:
            p.unlink()
    print(f"{len(made)} files, {len(changed)} changed, {sum(len(t.encode()) for t in made.values()) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
