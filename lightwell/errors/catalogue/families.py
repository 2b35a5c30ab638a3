"""LW701–LW799: parts of the package with mistakes of their own, spoken for as a whole."""

from ..entry import Entry

ENTRIES = (
    Entry(
        "LW701",
        ("The array API doesn't allow this", "数组 API 标准不允许这样做"),
        (
            "`lightwell.array_api` follows the Python array API standard strictly: kinds of dtypes aren't mixed, and only what the standard names is there.",
            "`lightwell.array_api` 严格遵守 Python 数组 API 标准：不同类别的 dtype 不混用，也只有标准规定的内容。",
        ),
        (
            "Convert with `astype`, or use lightwell's own functions, which allow more.",
            "用 `astype` 转换，或直接用限制更少的 lightwell 函数。",
        ),
        "import lightwell.array_api as xp\nxp.ones(2).__array_namespace__(api_version='1999.12')",
        "import lightwell.array_api as xp\nprint(xp.ones(2).__array_namespace__(api_version='2024.12').__name__)",
        ("array API", "array_api", "array API standard … is not followed here"),
        where=("array_api",),
        related=("lightwell.array_api",),
    ),
    Entry(
        "LW702",
        ("The Gaussian process can't go on", "高斯过程无法继续"),
        (
            "A covariance isn't positive definite, training data and model differ, or a kernel was used the wrong way.",
            "协方差不正定，训练数据与模型不符，或核函数用法不对。",
        ),
        (
            "Use float64, add jitter or noise, and call `model.train()` and `model.eval()` at their places.",
            "用 float64，加一点抖动或噪声，并在合适的地方调用 `model.train()` 与 `model.eval()`。",
        ),
        "",
        "",
        ("kernel", "likelihood", "jitter", "posterior", "prior"),
        where=("gp",),
        related=("lightwell.gp",),
    ),
    Entry(
        "LW703",
        ("The command or course program can't go on", "命令或课程程序无法继续"),
        (
            "A configuration, a run folder or an argument of `lightwell train` doesn't fit.",
            "`lightwell train` 的配置、运行目录或参数不合适。",
        ),
        (
            "`lightwell train --help` lists what can be set; start a new run folder when the settings changed.",
            "`lightwell train --help` 列出所有设置；设置改变后请换一个新的运行目录。",
        ),
        "",
        "",
        ("lightwell train", "run folder"),
        where=("train", "cli", "_run_command", "standin", "_absent", "_explain_compile_command"),
        related=("lightwell",),
    ),
    Entry(
        "LW704",
        ("`assert_close` found a difference", "`assert_close` 发现差异"),
        (
            "Two tensors that should be equal differ in shape, dtype or by more than the tolerance.",
            "两个应当相等的张量在形状、dtype 上不同，或差异超过容差。",
        ),
        (
            "Look at the greatest difference in the message; set `rtol` and `atol` together if the tolerance is too strict.",
            "查看信息中的最大差异；容差太严时同时设置 `rtol` 和 `atol`。",
        ),
        "import torch\ntorch.testing.assert_close(torch.ones(2), torch.ones(2) * 1.1)",
        "import torch\ntorch.testing.assert_close(torch.ones(2), torch.ones(2) * 1.0000001)\nprint('close')",
        ("Tensor-likes are not", "are not close", "not equal", "rtol and atol", "make_tensor", "Scalars are not"),
        where=("testing",),
        related=("torch.testing.assert_close",),
    ),
    Entry(
        "LW705",
        ("The lint, watch or explanation can't read this", "无法对此作讲解或检查"),
        ("Explanations follow a graph that was built from tensors with gradients.", "讲解需要由带梯度的张量建立的计算图。"),
        (
            "Give the loss as a tensor (not `.item()`), before `backward()` frees the graph.",
            "传入损失张量本身（不是 `.item()`），并在 `backward()` 释放计算图之前。",
        ),
        "",
        "",
        ("explain(", "lightwell.explain"),
        where=("explain", "language", "errors"),
        related=("lightwell.explain",),
    ),
    Entry(
        "LW706",
        ("Data parallel training isn't set up like that", "数据并行不是这样建立的"),
        (
            "The wrapped module needs parameters that want gradients, the same on all processes, and devices that exist.",
            "被包装的模块要有需要梯度的参数，各进程一致，设备也要存在。",
        ),
        (
            "On one CPU leave the wrapper away; under `torchrun` use `DistributedDataParallel(model)` without device_ids.",
            "单 CPU 上不需要包装；在 `torchrun` 下用不带 device_ids 的 `DistributedDataParallel(model)`。",
        ),
        "",
        "",
        ("DistributedDataParallel", "DataParallel", "device_ids", "no_sync", "find_unused_parameters"),
        where=("nn.parallel",),
        related=("nn.parallel.DistributedDataParallel",),
    ),
)
