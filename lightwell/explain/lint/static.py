"""What the program's text gives away before it runs: classes where objects belong, methods that are named but not called."""

import ast
import linecache
import re

from . import source

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_CLASSES = frozenset("classes classify classifier classification accuracy species categories digit digits mnist cifar iris".split())
_QUANTITIES = frozenset(
    "count counts counting counted age ages rating ratings star stars price prices poisson ordinal grade grades rank ranks position positions "
    "distance distances reward rewards quantity quantities amount amounts year years month months day days hour hours minute minutes "
    "temperature duration many objects dots blobs sold sales demand goals visits visitors clicks level levels severity user users movie movies".split()
)
_PLAIN = frozenset(  # layers without parameters
    "ReLU ReLU6 LeakyReLU ELU SELU GELU SiLU Mish Tanh Sigmoid Softmax LogSoftmax Softplus Softsign Hardtanh Hardswish Hardsigmoid CELU GLU "
    "Dropout Dropout1d Dropout2d Dropout3d Flatten Unflatten Identity MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d "
    "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool2d Upsample ZeroPad2d PixelShuffle Softmax2d LogSigmoid Threshold Tanhshrink".split()
)
_ACTIVATIONS = frozenset("ReLU ReLU6 LeakyReLU ELU SELU GELU SiLU Mish Tanh Sigmoid Softplus Hardswish Flatten Identity Dropout".split())
_FIRST_ARGUMENT = frozenset("ReLU ReLU6 SELU SiLU Mish Tanh Sigmoid Hardswish Identity Flatten".split())  # an expression there is no option
_WEIGHTED = frozenset(
    "Linear Bilinear Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d Embedding EmbeddingBag LSTM GRU RNN LSTMCell GRUCell "
    "RNNCell BatchNorm1d BatchNorm2d BatchNorm3d LayerNorm GroupNorm MultiheadAttention TransformerEncoderLayer TransformerDecoderLayer "
    "LazyLinear LazyConv2d LazyBatchNorm2d PReLU".split()
)
_LOSSES = re.compile(r"Loss$")
_ACTIONS = frozenset("step zero_grad backward eval train".split())
_PURE = frozenset(
    "relu sigmoid tanh softmax log_softmax view reshape squeeze unsqueeze flatten permute transpose float long detach clamp contiguous "
    "gelu leaky_relu elu normalize exp abs sqrt".split()
)
_TORCH_PURE = _PURE | {"dropout", "max_pool2d", "avg_pool2d", "log", "mean", "sum", "cat", "stack", "matmul"}
_INPLACE = {"relu": 2, "leaky_relu": 3, "elu": 3, "dropout": 4}  # with so many arguments the last says whether to write in place


class Names:
    """How the file calls torch's modules and classes."""

    def __init__(self, root):
        self.aliases: dict = {}
        for n in ast.walk(root):
            if isinstance(n, ast.Import):
                for a in n.names:
                    if a.name.split(".")[0] in ("torch", "lightwell"):
                        self.aliases[a.asname or a.name.split(".")[0]] = a.name if a.asname else a.name.split(".")[0]
            elif isinstance(n, ast.ImportFrom) and (n.module or "").split(".")[0] in ("torch", "lightwell"):
                for a in n.names:
                    self.aliases[a.asname or a.name] = f"{n.module}.{a.name}"

    def full(self, node) -> str:
        """The dotted name of an expression, with torch's own names for aliases; "" for what is no name."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, "")
        if isinstance(node, ast.Attribute):
            head = self.full(node.value)
            return f"{head}.{node.attr}" if head else ""
        return ""

    def layer(self, node) -> str:
        """The class of torch.nn that an expression names, else ""."""
        name = self.full(node)
        head, _, last = name.rpartition(".")
        return last if ".nn" in f".{head}" and "functional" not in head and last[:1].isupper() else ""

    def function(self, node) -> str:
        """The function of torch or torch.nn.functional that an expression names, else ""."""
        name = self.full(node)
        head, _, last = name.rpartition(".")
        return last if head in ("torch", "lightwell") or head.endswith("functional") else ""


def subject(*files: str) -> str:
    """What the words of a program speak of, its comments too: "quantities", else "classes", else "": neither."""
    words = {w.lower() for file in files for w in _WORD.findall("".join(linecache.getlines(file)))}
    return "quantities" if words & _QUANTITIES else "classes" if words & _CLASSES else ""


def check(file: str, report) -> None:
    """Note what the text of a file gives away."""
    root = source.tree(file)
    if root is not None:
        _File(file, root, report).run()


class _File:
    def __init__(self, file, root, report):
        self.file, self.root, self.report, self.names = file, root, report, Names(root)
        self.classes = [n for n in ast.walk(root) if isinstance(n, ast.ClassDef)]
        self.modules = self._modules()
        self.methods = {f.name for c in self.classes for f in c.body if isinstance(f, ast.FunctionDef)}

    def add(self, code, node, en, zh):
        self.report.add(code, (self.file, node.lineno), en, zh)

    def run(self):
        for n in ast.walk(self.root):
            if isinstance(n, ast.Expr):
                self._statement(n)
            elif isinstance(n, ast.Call):
                self._call(n)
            elif isinstance(n, (ast.List, ast.Tuple)) and any(isinstance(e, ast.Call) and self.names.layer(e.func) for e in n.elts):
                for e in n.elts:
                    if self.names.layer(e) in _ACTIVATIONS:
                        self.add("LW425", e, f"`{ast.unparse(e)}` is the class, among layers that are objects.",
                                 f"`{ast.unparse(e)}` 是类，而同一列表里的其他层都是对象。")  # fmt: skip
        for c in self.modules:
            self._module(c)
        self._uncalled_losses()
        self._likelihoods()

    def _modules(self) -> list:
        """Classes that derive from nn.Module, also by way of another class of the file."""
        found: set = set()
        for _ in range(3):
            for c in self.classes:
                for b in c.bases:
                    if self.names.layer(b) == "Module" or (isinstance(b, ast.Name) and b.id in found):
                        found.add(c.name)
        return [c for c in self.classes if c.name in found]

    def _is_module_class(self, node) -> bool:
        return self.names.layer(node) in _WEIGHTED or (isinstance(node, ast.Name) and any(c.name == node.id for c in self.modules))

    # ---- statements -----------------------------------------------------------------------------------------------------

    def _statement(self, n):
        v = n.value
        if isinstance(v, ast.Attribute) and v.attr in _ACTIONS and isinstance(v.value, (ast.Name, ast.Attribute)):
            if not (self.names.full(v)):
                self.add("LW418", n, f"`{ast.unparse(v)}` names the method and does not call it: nothing happens.",
                         f"`{ast.unparse(v)}` 只写出了方法名，没有调用：什么也不会发生。")  # fmt: skip
        elif isinstance(v, ast.Call):
            if any(k.arg in ("inplace", "out") for k in v.keywords):
                return
            function = self.names.function(v.func)
            method = v.func.attr if isinstance(v.func, ast.Attribute) and not self.names.full(v.func) else ""
            own = method and ast.unparse(v.func.value).split(".")[0] == "self" and (method in self.methods or method == "float")
            on_tensor = method in _PURE and self._in_forward(n) and not own
            last = v.args[-1] if len(v.args) == _INPLACE.get(function) else None
            in_place = isinstance(last, ast.Constant) and last.value is True
            pure = _TORCH_PURE if self._in_model(n) else _PURE  # products outside of models may be timed
            if on_tensor or (function in pure and not in_place):
                self._thrown_away(n)
        elif isinstance(v, (ast.BinOp, ast.UnaryOp)) and self._in_forward(n):
            self._thrown_away(n)

    def _thrown_away(self, n):
        self.add("LW428", n, f"The result of `{ast.unparse(n.value)}` is thrown away: the line changes nothing.",
                 f"`{ast.unparse(n.value)}` 的结果没有被使用：这一行什么也没有改变。")  # fmt: skip

    def _in_model(self, n) -> bool:
        return any(c.lineno <= n.lineno <= c.end_lineno for c in self.modules)

    def _in_forward(self, n) -> bool:
        return any(
            isinstance(f, ast.FunctionDef) and f.name == "forward" and f.lineno <= n.lineno <= f.end_lineno
            for c in self.modules
            for f in c.body
        )

    # ---- calls ----------------------------------------------------------------------------------------------------------

    def _call(self, n):
        layer = self.names.layer(n.func)
        if layer == "Sequential":
            for a in n.args:
                if self.names.layer(a) and self.names.layer(a) != "Module":
                    self.add("LW425", a, f"`{ast.unparse(a)}` is the class; Sequential needs an object of it.",
                             f"`{ast.unparse(a)}` 是类；Sequential 需要的是它的对象。")  # fmt: skip
        elif _LOSSES.search(layer) and len(n.args) >= 2:
            self.add("LW425", n, f"`{ast.unparse(n)}` makes a loss object with the tensors as its options; it computes nothing.",
                     f"`{ast.unparse(n)}` 把张量当作选项，只是造了一个损失对象；什么也没有计算。")  # fmt: skip
        elif layer in _FIRST_ARGUMENT and n.args and isinstance(n.args[0], (ast.Name, ast.Call, ast.BinOp)):
            if isinstance(n.args[0], ast.Name) and n.args[0].id in ("inplace", "start_dim", "negative_slope"):
                return
            if layer == "Flatten" and isinstance(n.args[0], ast.Name) and not self._in_forward(n):
                return
            self.add("LW425", n, f"`{ast.unparse(n)}` makes a layer with the tensor as an option; it computes nothing.",
                     f"`{ast.unparse(n)}` 把张量当作选项，只是造了一个层；什么也没有计算。")  # fmt: skip

    def _uncalled_losses(self):
        """criterion = nn.MSELoss, and later criterion(a, b); act = nn.ReLU, and later act(x)."""
        given = {}
        for n in ast.walk(self.root):
            if isinstance(n, ast.Assign) and len(n.targets) == 1 and isinstance(n.targets[0], (ast.Name, ast.Attribute)):
                layer = self.names.layer(n.value) if isinstance(n.value, (ast.Name, ast.Attribute)) else ""
                if isinstance(n.value, ast.Name) and not layer:
                    layer = self._default_of(n)
                if _LOSSES.search(layer) or layer in _ACTIVATIONS:
                    given[ast.unparse(n.targets[0])] = (n, layer)
        calls: dict = {}
        for n in ast.walk(self.root):
            if isinstance(n, ast.Call):
                calls.setdefault(ast.unparse(n.func), []).append(n)
        for name, (n, layer) in given.items():
            used = calls.get(name, [])
            wrong = (
                [c for c in used if len(c.args) >= 2]
                if _LOSSES.search(layer)
                else [c for c in used if c.args and not isinstance(c.args[0], ast.Constant)]
            )
            if wrong and len(wrong) == len(used):
                self.add("LW425", n, f"`{name}` is the class {layer}, not an object: `{ast.unparse(wrong[0])}` makes one and computes nothing.",
                         f"`{name}` 是类 {layer}，不是对象：`{ast.unparse(wrong[0])}` 只是造出一个对象，什么也没有计算。")  # fmt: skip

    def _default_of(self, n) -> str:
        """The layer class that an argument of the function around an assignment has by default."""
        f = source.function_at(self.file, n.lineno)
        if f is None:
            return ""
        names = f.args.args[len(f.args.args) - len(f.args.defaults) :]
        pairs = [*zip(names, f.args.defaults), *zip(f.args.kwonlyargs, f.args.kw_defaults)]
        return next((self.names.layer(d) for a, d in pairs if a.arg == n.value.id and d is not None), "")

    def _likelihoods(self):
        """loss = dist.log_prob(x).mean(), and later loss.backward()."""
        lowered = {
            ast.unparse(n.func.value)
            for n in ast.walk(self.root)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "backward"
        }
        for n in ast.walk(self.root):
            if isinstance(n, ast.Assign) and len(n.targets) == 1 and ast.unparse(n.targets[0]) in lowered and isinstance(n.value, ast.Call):
                reduced = n.value.func
                inner = reduced.value if isinstance(reduced, ast.Attribute) and reduced.attr in ("mean", "sum") else None
                if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "log_prob":
                    self.add("LW406", n, "What is minimised is the log-likelihood itself: the minus is missing, and the data become ever less likely.",
                             "被最小化的是对数似然本身：少了负号，数据会变得越来越不可能。")  # fmt: skip

    # ---- classes of modules ---------------------------------------------------------------------------------------------

    def _module(self, c):
        text = ast.unparse(c)
        init = next((f for f in c.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
        if init is not None and "__init__(" not in "\n".join(ast.unparse(s) for s in init.body):
            self.add("LW427", init, f"{c.name}.__init__ does not call super().__init__(): the module cannot hold layers.",
                     f"{c.name}.__init__ 没有调用 super().__init__()：这个模块存不了层。")  # fmt: skip
        for f in c.body:
            if not isinstance(f, ast.FunctionDef):
                continue
            for n in ast.walk(f):
                if (
                    f.name == "forward"
                    and isinstance(n, ast.Call)
                    and isinstance(n.func, ast.Call)
                    and self.names.layer(n.func.func) in _WEIGHTED
                ):
                    self.add("LW426", n, f"`{ast.unparse(n.func)}` is made anew in every forward: its weights are random each time and never learn.",
                             f"`{ast.unparse(n.func)}` 在每次 forward 里都重新创建：权重每次都是随机的，学不到东西。")  # fmt: skip
                elif (
                    f.name == "forward"
                    and isinstance(n, ast.Assign)
                    and isinstance(n.value, ast.Call)
                    and self.names.layer(n.value.func) in _WEIGHTED
                ):
                    if not _guarded(f, n):
                        self.add("LW426", n, f"`{ast.unparse(n.value)}` is made anew in every forward: its weights are random each time and never learn.",
                                 f"`{ast.unparse(n.value)}` 在每次 forward 里都重新创建：权重每次都是随机的，学不到东西。")  # fmt: skip
                elif isinstance(n, ast.Call) and self.names.function(n.func) in ("dropout", "dropout2d", "dropout1d", "alpha_dropout"):
                    if len(n.args) < 3 and not any(k.arg in ("training", "train", None) for k in n.keywords):
                        self.add("LW434", n, f"`{ast.unparse(n)}` drops in evaluation too: training=True is its default, whatever the module's mode.",
                                 f"`{ast.unparse(n)}` 在评估时也会丢弃：training 默认是 True，与模块的模式无关。")  # fmt: skip
        if init is not None:
            self._lists(c, init, text)

    def _lists(self, c, init, text):
        for n in ast.walk(init):
            target = None
            if isinstance(n, ast.Assign) and len(n.targets) == 1 and isinstance(n.targets[0], ast.Attribute):
                v = n.value
                if isinstance(v, (ast.List, ast.Tuple)):
                    parts = v.elts
                elif isinstance(v, ast.Dict):
                    parts = v.values
                elif isinstance(v, ast.ListComp):
                    parts = [v.elt]
                elif isinstance(v, ast.DictComp):
                    parts = [v.value]
                else:
                    continue
                if any(self._makes_layer(p) for p in parts):
                    target = n.targets[0]
            elif (
                isinstance(n, ast.Call)
                and isinstance(n.func, ast.Attribute)
                and n.func.attr == "append"
                and n.args
                and self._makes_layer(n.args[0])
            ):
                target = n.func.value
                if not _plain_list(init, target):
                    continue
            if target is None or not isinstance(target, ast.Attribute) or ast.unparse(target.value) != "self":
                continue
            name = ast.unparse(target)
            if re.search(rf"(ModuleList|ModuleDict|Sequential|add_module|setattr|register_module)\([^\n]*\*?{re.escape(name)}\b", text):
                continue
            if re.search(rf"in (enumerate\()?{re.escape(name)}\b[^\n]*\n\s+(self\.add_module|setattr|self\.register_module)", text):
                continue
            if re.search(rf"{re.escape(name)} = nn\.Module(List|Dict)|{re.escape(name)} = nn\.Sequential", text):
                continue
            self.add("LW422", n, f"{c.name}.{target.attr} is a plain container: parameters() does not see the layers in it, and they never learn.",
                     f"{c.name}.{target.attr} 是普通的容器：parameters() 看不到里面的层，它们学不到东西。")  # fmt: skip

    def _makes_layer(self, node) -> bool:
        if isinstance(node, (ast.Tuple, ast.List)):
            return any(self._makes_layer(e) for e in node.elts)
        if not isinstance(node, ast.Call):
            return False
        if self.names.layer(node.func) == "Sequential":
            return any(self._makes_layer(a) for a in node.args)
        return self._is_module_class(node.func) or self.names.full(node.func).endswith("nn.Parameter")


def _guarded(function, n) -> bool:
    """Whether an assignment in forward stands under an `if`: a layer made at the first call."""
    return any(isinstance(s, ast.If) and s.lineno <= n.lineno <= s.end_lineno for s in ast.walk(function))


def _plain_list(init, target) -> bool:
    name = ast.unparse(target)
    return any(
        isinstance(n, ast.Assign)
        and ast.unparse(n.targets[0]) == name
        and (isinstance(n.value, ast.List) or ast.unparse(n.value) == "list()")
        for n in ast.walk(init)
    )
