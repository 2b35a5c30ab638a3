"""Why numbers stop being numbers: one entry per cause (LW5xx), in both languages. `diagnose.py` chooses among them."""

from ...errors.entry import Entry
from .examples import EXAMPLES

__all__ = ["ENTRIES", "entry"]


def _e(code, title, cause, mend, short, related=()):
    return Entry(code, title, cause, mend, *EXAMPLES.get(code, ("", "")), short=short, related=related)


ENTRIES = (
    # ---- what came in from outside ----------------------------------------------------------------------------------
    _e(
        "LW501", ("NaN in the data", "数据里有 NaN"),
        (
            "The batch itself holds NaN before any operation has touched it: a missing value in a table, a division by a standard deviation "
            "of 0 while normalising, a broken picture. Every operation that reads it hands the NaN on.",
            "还没有经过任何运算，这个批量本身就带着 NaN：表格里的缺失值、标准化时除以了 0 标准差、损坏的图片等。读到它的每个运算都会把 NaN 传下去。",
        ),
        (
            "Look at the examples named above in the dataset; drop them, or fill them before training: `x = torch.nan_to_num(x)`, or "
            "`df.fillna(df.mean())` for a table.",
            "到数据集里看看上面列出的样本；删掉它们，或在训练前填补：`x = torch.nan_to_num(x)`，表格则用 `df.fillna(df.mean())`。",
        ),
        ("drop or fill the examples named, e.g. torch.nan_to_num(x)", "删除或填补所列样本，例如 torch.nan_to_num(x)"), ("torch.nan_to_num",),
    ),
    _e(
        "LW502", ("infinity in the data", "数据里有无穷大"),
        (
            "The batch itself holds an infinity: a logarithm or a division taken while the data were prepared, or a number too large for float32.",
            "批量本身带有无穷大：准备数据时取了对数或做了除法，或者数值超出了 float32 的范围。",
        ),
        (
            "Find the examples named above; clip or repair them before training: `x = x.clamp(-1e6, 1e6)`, `torch.log1p(x)` in place of "
            "`torch.log(x)`.",
            "找到上面列出的样本，在训练前截断或修正：`x = x.clamp(-1e6, 1e6)`，或者用 `torch.log1p(x)` 代替 `torch.log(x)`。",
        ),
        ("clip or repair the examples named", "截断或修正所列样本"), ("torch.clamp", "torch.log1p"),
    ),
    _e(
        "LW503", ("NaN or infinity in the labels", "标签里有 NaN 或无穷大"),
        (
            "The inputs are fine, but the targets that the loss compares them with are not finite.",
            "输入没有问题，但损失函数用来比较的标签里有 NaN 或无穷大。",
        ),
        (
            "Repair the labels of the examples named above, or leave them out of the loss with a mask: `loss = ((y_hat - y)[ok] ** 2).mean()` "
            "with `ok = y.isfinite()`.",
            "修正所列样本的标签，或者用掩码把它们排除在损失之外：令 `ok = y.isfinite()`，再算 `loss = ((y_hat - y)[ok] ** 2).mean()`。",
        ),
        ("repair the labels of the examples named", "修正所列样本的标签"), ("torch.isfinite",),
    ),
    _e(
        "LW504", ("a parameter was not finite before the step", "参数在这一步之前就不是有限数"),
        (
            "A parameter (or buffer) of the model held NaN or an infinity before any operation of this step: from its initialisation, from a "
            "checkpoint, or written by hand.",
            "在这一步的任何运算之前，模型的某个参数（或缓冲区）就已经是 NaN 或无穷大：可能来自初始化、检查点，或是手工写入。",
        ),
        (
            "Look at where the parameter named above is filled. `torch.empty` and `nn.Parameter(torch.Tensor(n, m))` hold whatever was in "
            "memory: fill them, e.g. with `nn.init.xavier_uniform_`.",
            "检查上面这个参数是在哪里赋值的。`torch.empty` 和 `nn.Parameter(torch.Tensor(n, m))` 里是内存中的残留数据，要先填充，例如 "
            "`nn.init.xavier_uniform_`。",
        ),
        ("fill the parameter before training, e.g. nn.init.xavier_uniform_", "训练前先初始化该参数，例如 nn.init.xavier_uniform_"),
        ("nn.init.xavier_uniform_",),
    ),
    _e(
        "LW505", ("initial weights too large", "初始权重过大"),
        (
            "No step has been taken yet, and activations grow from layer to layer until they leave the range of the dtype: each layer "
            "multiplies their size by about √(inputs) times the weights' standard deviation.",
            "还没有更新过参数，激活值就逐层放大，直到超出数据类型的范围：每一层大约把激活值放大 √(输入个数) × 权重标准差 倍。",
        ),
        (
            "Initialise with a standard deviation near 1/√(inputs): `nn.init.xavier_normal_(w)` for sigmoid and tanh, `nn.init.kaiming_normal_(w)` "
            "for ReLU; or normalise between layers.",
            "让权重的标准差接近 1/√(输入个数)：sigmoid、tanh 用 `nn.init.xavier_normal_(w)`，ReLU 用 `nn.init.kaiming_normal_(w)`；也可以在层间加归一化。",
        ),
        ("nn.init.xavier_normal_ or kaiming_normal_", "用 nn.init.xavier_normal_ 或 kaiming_normal_ 初始化"),
        ("nn.init.xavier_normal_", "nn.init.kaiming_normal_"),
    ),
    # ---- made by an operation, forward ------------------------------------------------------------------------------
    _e(
        "LW510", ("log of 0", "对 0 取对数"),
        (
            "log x falls to -inf as x goes to 0, and something has become exactly 0 in floating point: a probability, since softmax and sigmoid "
            "underflow where the logits are far apart; a scale that relu cut off; a target at the border of a distribution's support.",
            "x 趋于 0 时 log x 趋于负无穷，而某个量在浮点数下恰好变成了 0：可能是概率（logits 相差很大时 softmax 和 sigmoid 会下溢），"
            "可能是被 relu 截断的尺度参数，也可能是落在分布支撑集边界上的目标值。",
        ),
        (
            "A probability that softmax or sigmoid gave: compute the loss from the logits, where it can't underflow: `F.cross_entropy(logits, y)`, "
            "`F.binary_cross_entropy_with_logits(logits, y)` or `F.log_softmax`. Anything else: keep it above 0, `F.softplus(x) + 1e-6` for a predicted "
            "scale, `torch.log(x.clamp(min=1e-8))` or `y.clamp(1e-6, 1 - 1e-6)` for data.",
            "由 softmax 或 sigmoid 得到的概率：直接由 logits 计算损失就不会下溢：`F.cross_entropy(logits, y)`、"
            "`F.binary_cross_entropy_with_logits(logits, y)` 或 `F.log_softmax`。其他量：让它大于 0，网络预测的尺度用 `F.softplus(x) + 1e-6`，"
            "数据用 `torch.log(x.clamp(min=1e-8))` 或 `y.clamp(1e-6, 1 - 1e-6)`。",
        ),
        ("F.cross_entropy on logits, or log(x.clamp(min=1e-8))", "对 logits 用 F.cross_entropy，或 log(x.clamp(min=1e-8))"),
        ("F.cross_entropy", "F.log_softmax", "torch.log"),
    ),
    _e(
        "LW511", ("log of a negative number", "对负数取对数"),
        ("log x is defined for x > 0 only; here x is negative, so the result is NaN.", "log x 只对 x > 0 有定义；这里 x 为负，结果是 NaN。"),
        (
            "Make the argument positive by construction: `F.softplus(x)`, `x.exp()`, `x.clamp(min=1e-8)`; or ask whether the sign is meant.",
            "从构造上保证自变量为正：`F.softplus(x)`、`x.exp()`、`x.clamp(min=1e-8)`；也请检查符号是否写对。",
        ),
        ("make the argument positive: F.softplus(x)", "保证自变量为正：F.softplus(x)"), ("F.softplus", "torch.log"),
    ),
    _e(
        "LW512", ("division by 0", "除以 0"),
        (
            "The divisor is 0 and the dividend isn't, so the quotient is infinite: a standard deviation of constant values, a norm of zeros, a "
            "count of nothing.",
            "除数为 0 而被除数不为 0，商就是无穷大：例如常数的标准差、零向量的范数、个数为零的计数。",
        ),
        ("Add a small number below: `x / (std + 1e-5)`, `x / n.clamp(min=1)`.", "给分母加一个小数：`x / (std + 1e-5)`、`x / n.clamp(min=1)`。"),
        ("divide by (d + 1e-5)", "改为除以 (d + 1e-5)"), ("torch.div",),
    ),
    _e(
        "LW513", ("0 divided by 0", "0 除以 0"),
        (
            "Both operands are 0, and 0/0 is NaN: the variance of equal values, x/|x| at 0, a mean over nothing.",
            "被除数和除数都是 0，0/0 得 NaN：相同数值的方差、x/|x| 在 0 处、对空集求平均等。",
        ),
        (
            "Add a small number below: `(x - mean) / (std + 1e-5)`, `x / (x.norm() + 1e-8)`; `F.normalize` and `torch.sign` know about 0.",
            "给分母加一个小数：`(x - mean) / (std + 1e-5)`、`x / (x.norm() + 1e-8)`；`F.normalize` 和 `torch.sign` 已考虑了 0。",
        ),
        ("add a small number to the divisor", "给分母加一个小数"), ("F.normalize", "torch.sign"),
    ),
    _e(
        "LW514", ("overflow in exp", "exp 上溢"),
        (
            "exp x exceeds the largest number of the dtype: above x = 88.7 in float32, 11.1 in float16, 709.8 in float64.",
            "exp x 超出了数据类型的最大值：float32 在 x > 88.7 时、float16 在 x > 11.1 时、float64 在 x > 709.8 时上溢。",
        ),
        (
            "Subtract the maximum first, exp(x - x.max()), which leaves a softmax as it is; better, use `F.softmax`, `torch.logsumexp` or "
            "`F.cross_entropy`, which do so. Where an exponent is predicted, bound it: `x.clamp(max=20)`.",
            "先减去最大值，即 exp(x - x.max())，softmax 的结果不变；更好的做法是用 `F.softmax`、`torch.logsumexp` 或 `F.cross_entropy`，它们已这样处理。"
            "如果指数是网络的预测值，就加以限制：`x.clamp(max=20)`。",
        ),
        ("exp(x - x.max()), or F.softmax / logsumexp", "exp(x - x.max())，或用 F.softmax / logsumexp"), ("F.softmax", "torch.logsumexp"),
    ),
    _e(
        "LW515", ("square root of a negative number", "对负数开平方"),
        ("√x is defined for x ≥ 0 only; here x is negative, so the result is NaN.", "√x 只对 x ≥ 0 有定义；这里 x 为负，结果是 NaN。"),
        (
            "A variance computed as mean(x²) - mean(x)² can fall below 0 by rounding: use `torch.var`, or `x.clamp(min=0).sqrt()`.",
            "用 mean(x²) - mean(x)² 算方差会因舍入而略小于 0：改用 `torch.var`，或 `x.clamp(min=0).sqrt()`。",
        ),
        ("torch.var, or x.clamp(min=0).sqrt()", "用 torch.var，或 x.clamp(min=0).sqrt()"), ("torch.sqrt", "torch.var"),
    ),
    _e(
        "LW516", ("a power that is not a number", "幂运算没有定义"),
        (
            "0 to a negative power is infinite, a negative number to a fractional power is NaN, and large powers overflow.",
            "0 的负数次幂是无穷大，负数的分数次幂是 NaN，很大的幂会上溢。",
        ),
        (
            "Keep the base positive: `(x.abs() + 1e-8) ** p`, `x.clamp(min=1e-8) ** p`; for integer powers of negative numbers give p as an int.",
            "保证底数为正：`(x.abs() + 1e-8) ** p`、`x.clamp(min=1e-8) ** p`；负数的整数次幂请用整数 p。",
        ),
        ("keep the base positive: x.clamp(min=1e-8) ** p", "保证底数为正：x.clamp(min=1e-8) ** p"), ("torch.pow",),
    ),
    _e(
        "LW517", ("an argument outside the function's domain", "自变量超出函数的定义域"),
        (
            "The function is not defined there (acos and asin beyond ±1, acosh below 1), or has a pole (atanh and erfinv at ±1, logit at 0 and 1, "
            "lgamma and digamma at 0, -1, -2, …). A cosine computed as a product can pass 1 by rounding; a sigmoid is exactly 1 above 17 in float32.",
            "函数在该点没有定义（acos、asin 在 ±1 之外，acosh 小于 1），或是极点（atanh、erfinv 在 ±1，logit 在 0 和 1，lgamma、digamma 在 0、-1、-2……）。"
            "用内积算出的余弦会因舍入略超过 1；float32 的 sigmoid 在自变量大于 17 时恰好等于 1。",
        ),
        (
            "Stay inside: `x.clamp(-1 + 1e-6, 1 - 1e-6)` for acos, asin, atanh and erfinv, `torch.logit(p, eps=1e-6)`, `x.clamp(min=1)` for acosh, "
            "`x.clamp(min=1e-6)` for lgamma and digamma. The logit of a sigmoid is what the sigmoid was given: use that.",
            "留在定义域以内：acos、asin、atanh、erfinv 用 `x.clamp(-1 + 1e-6, 1 - 1e-6)`，`torch.logit(p, eps=1e-6)`，acosh 用 `x.clamp(min=1)`，"
            "lgamma、digamma 用 `x.clamp(min=1e-6)`。对 sigmoid 的结果求 logit，得到的就是 sigmoid 的输入：直接用它。",
        ),
        ("clamp the argument into the domain", "把自变量截断到定义域内"), ("torch.clamp", "torch.logit"),
    ),
    _e(
        "LW518", ("softmax of a fully masked row", "对整行都被掩蔽的数据做 softmax"),
        (
            "All entries of a row are -inf, so softmax has nothing to share out: exp(-inf)/Σexp(-inf) = 0/0 = NaN. In attention: a query for "
            "which every key is masked, often a sequence that is padding only.",
            "某一行全是 -inf，softmax 没有可分配的概率：exp(-inf)/Σexp(-inf) = 0/0 = NaN。在注意力中，这是所有键都被掩蔽的查询，常常是全为填充的序列。",
        ),
        (
            "Mask with a large finite number, `scores.masked_fill(mask, -1e9)`, or leave one key open in every row, or put finite scores in such rows "
            "with `torch.where` before the softmax.",
            "用很大的有限数做掩蔽：`scores.masked_fill(mask, -1e9)`；或者保证每行至少留一个键；或者先用 `torch.where` 把这些行的分数换成 0 再做 softmax。",
        ),
        ("masked_fill(mask, -1e9) in place of -inf", "用 masked_fill(mask, -1e9) 代替 -inf"), ("torch.masked_fill", "F.softmax"),
    ),
    _e(
        "LW519", ("the variance of a single value", "单个数值的方差"),
        (
            "var and std divide by n - 1, which is 0 for one value: 0/0 is NaN. Often the last, smaller batch of an epoch holds a single example.",
            "var 和 std 要除以 n - 1，只有一个值时为 0，0/0 得 NaN。常见原因是一轮中最后那个较小的批量只剩一个样本。",
        ),
        (
            "Use `unbiased=False` (divide by n), or leave the small batch out: `DataLoader(..., drop_last=True)`.",
            "用 `unbiased=False`（除以 n），或丢弃不完整的批量：`DataLoader(..., drop_last=True)`。",
        ),
        ("unbiased=False, or drop_last=True", "unbiased=False，或 drop_last=True"), ("torch.std", "torch.var"),
    ),
    _e(
        "LW520", ("the mean of nothing", "对空集求平均"),
        (
            "A mean divides by the number of its elements, and there are none: an empty selection, or a loss whose targets are all ignored "
            "(`ignore_index`): 0/0 is NaN.",
            "平均要除以元素个数，而这里一个元素也没有：空的选择，或者标签全被忽略（`ignore_index`）的损失，0/0 得 NaN。",
        ),
        (
            "Skip such batches, or sum and divide by hand: `F.cross_entropy(x, y, reduction='sum') / (y != ignore).sum().clamp(min=1)`.",
            "跳过这样的批量，或者求和后自己除：`F.cross_entropy(x, y, reduction='sum') / (y != ignore).sum().clamp(min=1)`。",
        ),
        ("sum / count.clamp(min=1)", "求和后除以 count.clamp(min=1)"), ("F.cross_entropy", "torch.mean"),
    ),
    _e(
        "LW521", ("infinity minus infinity, or 0 times infinity", "无穷大减无穷大，或 0 乘无穷大"),
        (
            "An infinity that was put there on purpose (a mask of -inf) meets another or a 0: inf - inf, 0·inf and inf/inf are NaN.",
            "有意放进去的无穷大（如 -inf 掩码）遇到了另一个无穷大或 0：inf - inf、0·inf、inf/inf 都是 NaN。",
        ),
        (
            "Choose with `torch.where(mask, a, b)` rather than multiply by a mask; mask with -1e9 rather than -inf.",
            "用 `torch.where(mask, a, b)` 选择，而不要乘以掩码；掩码用 -1e9 而不是 -inf。",
        ),
        ("torch.where in place of a product with a mask", "用 torch.where 代替乘以掩码"), ("torch.where",),
    ),
    _e(
        "LW522", ("overflow", "上溢"),
        ("The result is larger than the largest number of the dtype (3.4e38 in float32).", "结果超出了数据类型的最大值（float32 约为 3.4e38）。"),
        (
            "Look at the sizes above: what made the operands so large? Scale the inputs, normalise between layers, lower the learning rate.",
            "看看上面的数值：操作数为什么这么大？缩放输入、在层间加归一化，或降低学习率。",
        ),
        ("scale the inputs, normalise between layers", "缩放输入，层间加归一化"), (),
    ),
    _e(
        "LW523", ("overflow of float16", "float16 上溢"),
        (
            "The largest float16 is 65504; the same number would be nothing special in float32 or bfloat16.",
            "float16 最大只有 65504；同样的数在 float32 或 bfloat16 里毫不稀奇。",
        ),
        (
            "Use bfloat16, whose range is float32's: `torch.autocast('cpu', dtype=torch.bfloat16)`; or do this operation in float32, `x.float()`, where "
            "the rest is float16. A model that is float16 as a whole: keep it in float32 and use `torch.autocast`. For gradients that overflow: "
            "`torch.amp.GradScaler`.",
            "改用 bfloat16，它的范围与 float32 相同：`torch.autocast('cpu', dtype=torch.bfloat16)`；或者其余部分用 float16，只让这个运算用 float32："
            "`x.float()`。整个模型都是 float16 时：让模型保持 float32 并使用 `torch.autocast`。梯度上溢时：用 `torch.amp.GradScaler`。",
        ),
        ("bfloat16, or this operation in float32", "bfloat16，或让这个运算用 float32"), ("torch.autocast", "torch.amp.GradScaler"),
    ),
    _e(
        "LW524", ("normalisation of equal values without eps", "不带 eps 地归一化相同的数值"),
        (
            "The values to be normalised are all equal, their variance is 0, and eps is 0 too: (x - m)/√0 is NaN.",
            "要归一化的数值全都相等，方差为 0，而 eps 也是 0：(x - m)/√0 得 NaN。",
        ),
        ("Give the layer its eps back: `eps=1e-5`.", "恢复该层的 eps：`eps=1e-5`。"), ("eps=1e-5", "eps=1e-5"), ("nn.BatchNorm1d", "nn.LayerNorm"),
    ),
    _e(
        "LW525", ("a value that is not a number", "结果不是数"),
        ("The operation's formula has no finite value for these operands.", "对这些操作数，该运算没有有限的结果。"),
        ("Look at the operands above and keep them in the range where the formula is defined.", "看看上面的操作数，让它们留在公式有定义的范围内。"),
        ("keep the operands in range", "让操作数留在有定义的范围内"), (),
    ),
    _e(
        "LW526", ("ctc_loss: fewer frames than labels", "ctc_loss：帧数少于标签数"),
        (
            "CTC emits at most one label for each frame of the input, and a blank between two equal labels. Where `input_length` is less than "
            "`target_length` (plus the equal neighbours) no alignment exists: the probability is 0, the loss infinite.",
            "CTC 在输入的每一帧最多输出一个标签，相同的相邻标签之间还要一个空白。当 `input_length` 小于 `target_length`（加上相同相邻标签的个数）时，"
            "不存在任何对齐：概率为 0，损失为无穷大。",
        ),
        (
            "Let such examples count for nothing: `nn.CTCLoss(zero_infinity=True)`; better, leave them out of the dataset, or give longer inputs "
            "(less downsampling before the loss).",
            "让这样的样本不计入损失：`nn.CTCLoss(zero_infinity=True)`；更好的做法是从数据集中去掉它们，或给出更长的输入（减少损失之前的下采样）。",
        ),
        ("zero_infinity=True, or longer inputs", "zero_infinity=True，或更长的输入"), ("F.ctc_loss", "nn.CTCLoss"),
    ),
    # ---- made by a derivative ---------------------------------------------------------------------------------------
    _e(
        "LW530", ("the derivative of sqrt at 0", "sqrt 在 0 处的导数"),
        (
            "√x has slope 1/(2√x), infinite at 0. Forward all is well, backward 1/0 comes out; times a gradient of 0 it is NaN.",
            "√x 的导数 1/(2√x) 在 0 处为无穷大。前向没有问题，反向却出现 1/0；再乘以 0 梯度就成了 NaN。",
        ),
        (
            "Add a small number inside the root: `torch.sqrt(x + 1e-8)`; for a length use `torch.linalg.vector_norm`, whose gradient at 0 is 0.",
            "在根号里面加一个小数：`torch.sqrt(x + 1e-8)`；求长度则用 `torch.linalg.vector_norm`，它在 0 处的梯度为 0。",
        ),
        ("torch.sqrt(x + 1e-8): eps inside the root", "torch.sqrt(x + 1e-8)：eps 加在根号里面"), ("torch.sqrt", "torch.linalg.vector_norm"),
    ),
    _e(
        "LW531", ("the derivative of a norm or a standard deviation at 0", "范数或标准差在 0 处的导数"),
        (
            "The length of a vector has no slope at the zero vector, nor has a standard deviation where all values are equal: 0/0 comes out.",
            "向量的长度在零向量处不可导，所有值相等时的标准差也不可导：反向得到 0/0。",
        ),
        (
            "Add a small number inside the root: `((x * x).sum() + 1e-8).sqrt()`, `(x.var() + 1e-8).sqrt()`.",
            "在根号里加一个小数：`((x * x).sum() + 1e-8).sqrt()`、`(x.var() + 1e-8).sqrt()`。",
        ),
        ("(x.var() + 1e-8).sqrt()", "(x.var() + 1e-8).sqrt()"), ("torch.std", "torch.linalg.vector_norm"),
    ),
    _e(
        "LW532", ("the derivative of a power at 0", "幂函数在 0 处的导数"),
        (
            "x^p has slope p·x^(p-1), which is infinite at 0 for p < 1; with a tensor as exponent, x^p·log x is asked for as well.",
            "x^p 的导数是 p·x^(p-1)，当 p < 1 时在 0 处为无穷大；指数也是张量时，还要用到 x^p·log x。",
        ),
        ("Keep the base away from 0: `(x + 1e-8) ** p`.", "让底数离开 0：`(x + 1e-8) ** p`。"), ("(x + 1e-8) ** p", "(x + 1e-8) ** p"), ("torch.pow",),
    ),
    _e(
        "LW533", ("a derivative at the end of the domain", "定义域端点处的导数"),
        (
            "The slope is infinite there: acos and asin at ±1, acosh at 1, atanh at ±1.",
            "导数在该点为无穷大：acos、asin 在 ±1，acosh 在 1，atanh 在 ±1。",
        ),
        ("Stay inside: `torch.acos(x.clamp(-1 + 1e-6, 1 - 1e-6))`.", "留在定义域内部：`torch.acos(x.clamp(-1 + 1e-6, 1 - 1e-6))`。"),
        ("x.clamp(-1 + 1e-6, 1 - 1e-6)", "x.clamp(-1 + 1e-6, 1 - 1e-6)"), ("torch.acos",),
    ),
    _e(
        "LW534", ("a hidden infinity that backward brings up", "被遮住的无穷大在反向时出现"),
        (
            "Forward, an infinite or undefined value was made and then hidden, by `where`, a mask or a clamp. Backward multiplies the gradient 0 of "
            "the hidden branch by its infinite slope: 0·inf = NaN. `where` chooses values, but differentiates both branches.",
            "前向时产生了无穷大或无定义的值，随后被 `where`、掩码或截断遮住。反向时，被遮住分支的梯度 0 要乘以无穷大的导数：0·inf = NaN。"
            "`where` 只选择数值，但两个分支都会求导。",
        ),
        (
            "Make the argument harmless before, not the result after: `torch.where(ok, torch.log(torch.where(ok, x, 1)), 0)`, or `torch.log(x.clamp(min=1e-8))`.",
            "要在运算之前让自变量安全，而不是在之后遮住结果：`torch.where(ok, torch.log(torch.where(ok, x, 1)), 0)`，或 `torch.log(x.clamp(min=1e-8))`。",
        ),
        ("make the argument safe before the operation: where(ok, x, 1)", "在运算前先让自变量安全：where(ok, x, 1)"), ("torch.where",),
    ),
    _e(
        "LW535", ("overflow in backward", "反向传播中上溢"),
        (
            "A gradient left the range of the dtype on its way: along a deep chain each factor is a little larger than 1.",
            "梯度在反向途中超出了数据类型的范围：在很深的链上，每个因子都比 1 大一点。",
        ),
        (
            "Smaller initial weights or a normalisation layer; `nn.utils.clip_grad_norm_` can't help once a gradient is infinite, but does before.",
            "减小初始权重或加归一化层；梯度已成无穷大时 `nn.utils.clip_grad_norm_` 就无济于事了，在那之前有用。",
        ),
        ("smaller weights, normalisation, clip_grad_norm_", "减小权重、加归一化、clip_grad_norm_"), ("nn.utils.clip_grad_norm_",),
    ),
    _e(
        "LW536", ("a derivative that is not a number", "导数不是数"),
        (
            "The value is finite, the slope at this point is not: the function has a corner or a pole there.",
            "函数值是有限的，但该点的导数不是：函数在那里有尖点或极点。",
        ),
        ("Move the operands away from that point: add a small number, clamp, or choose the argument with `torch.where`.",
         "让操作数避开该点：加一个小数、截断，或用 `torch.where` 选择自变量。"),
        ("move the operands away from that point", "让操作数避开该点"), (),
    ),
    # ---- training as a whole ----------------------------------------------------------------------------------------
    _e(
        "LW540", ("exploding gradients", "梯度爆炸"),
        (
            "Gradients grow by orders of magnitude on their way back through depth or time: a recurrent weight is applied again at every time "
            "step, so that its powers appear.",
            "梯度沿深度或时间反传时成数量级地增大：循环权重在每个时间步都再乘一次，于是出现它的高次幂。",
        ),
        (
            "`nn.utils.clip_grad_norm_(model.parameters(), 1.0)` before `optimizer.step()`; initialise recurrent weights orthogonally; LSTM or GRU in "
            "place of a plain RNN; detach the state between segments.",
            "在 `optimizer.step()` 之前加 `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`；循环权重用正交初始化；用 LSTM、GRU 代替普通 RNN；"
            "在序列片段之间 detach 隐状态。",
        ),
        ("nn.utils.clip_grad_norm_(model.parameters(), 1.0)", "nn.utils.clip_grad_norm_(model.parameters(), 1.0)"), ("nn.utils.clip_grad_norm_",),
    ),
    _e(
        "LW541", ("learning rate too large", "学习率过大"),
        (
            "Every update overshoots: loss, gradients and parameters grow from step to step, by a factor each time, until they leave the range of "
            "the dtype.",
            "每次更新都走过了头：损失、梯度和参数一步比一步大，每次放大若干倍，直到超出数据类型的范围。",
        ),
        ("Lower the learning rate, by a factor of 10 first; warm it up over the first steps; normalise the inputs.",
         "降低学习率，先降到十分之一；开头若干步做预热；对输入做标准化。"),
        ("lower the learning rate by a factor of 10", "把学习率降到十分之一"), ("torch.optim.SGD",),
    ),
    _e(
        "LW542", ("the optimizer divided by 0", "优化器除以了 0"),
        (
            "Adam, RMSprop and Adagrad divide by the root of an average of squared gradients, plus eps. With eps = 0 and a gradient that has "
            "always been 0 that is 0/0.",
            "Adam、RMSprop、Adagrad 要除以梯度平方均值的平方根再加 eps。eps = 0 且梯度一直为 0 时，就是 0/0。",
        ),
        ("Leave eps at its default: `torch.optim.Adam(params, eps=1e-8)`.", "保留默认的 eps：`torch.optim.Adam(params, eps=1e-8)`。"),
        ("eps=1e-8", "eps=1e-8"), ("torch.optim.Adam",),
    ),
    _e(
        "LW543", ("the update made a parameter infinite", "更新使参数变成无穷大"),
        (
            "Parameter and gradient were finite before the step; the step itself left the range of the dtype: learning rate times gradient (or a "
            "squared gradient in the optimizer's state) is too large.",
            "这一步之前参数和梯度都是有限的；更新本身超出了数据类型的范围：学习率乘梯度（或优化器状态里梯度的平方）太大。",
        ),
        ("Lower the learning rate and clip gradients: `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`.",
         "降低学习率并裁剪梯度：`nn.utils.clip_grad_norm_(model.parameters(), 1.0)`。"),
        ("lower the learning rate, clip gradients", "降低学习率并裁剪梯度"), ("nn.utils.clip_grad_norm_",),
    ),
    _e(
        "LW544", ("the gradient scaler skips every step", "梯度缩放器跳过了每一步"),
        (
            "A step that GradScaler skips now and then is normal: the scale was too large and is halved. Here it has been halved again and again, and "
            "gradients are still not finite: they would be so without any scaling.",
            "GradScaler 偶尔跳过一步是正常的：缩放因子太大，减半即可。但这里一再减半，梯度仍不是有限数：不缩放也会如此。",
        ),
        ("Mend the operation named above; the scaler can't help.", "修好上面指出的运算；缩放器帮不上忙。"),
        ("mend the operation named", "修好上面指出的运算"), ("torch.amp.GradScaler",),
    ),
    _e(
        "LW545", ("a gradient that was not finite came from outside", "梯度在外部就不是有限数"),
        (
            "No operation made it: a gradient was written by hand (`p.grad = ...`, a hook, `backward(gradient=...)`).",
            "没有运算产生它：梯度是手工写入的（`p.grad = ...`、钩子、`backward(gradient=...)`）。",
        ),
        ("Look at what writes gradients: hooks, clipping by hand, `backward(gradient=...)`.", "检查写入梯度的代码：钩子、手写的裁剪、`backward(gradient=...)`。"),
        ("look at what writes gradients", "检查写入梯度的代码"), ("torch.Tensor.register_hook",),
    ),
    # ---- health: reported, not stopped at ---------------------------------------------------------------------------
    _e(
        "LW550", ("vanishing gradients", "梯度消失"),
        (
            "The gradients of the first layers are smaller than those of the last by orders of magnitude, so the first layers don't learn: a sigmoid's "
            "slope is at most 1/4, and slopes multiply.",
            "靠前的层的梯度比靠后的层小若干个数量级，因此几乎学不到东西：sigmoid 的导数最大只有 1/4，而导数是逐层相乘的。",
        ),
        (
            "ReLU in place of sigmoid and tanh, `nn.init.xavier_uniform_` or `kaiming_uniform_`, normalisation layers, residual connections.",
            "用 ReLU 代替 sigmoid、tanh；用 `nn.init.xavier_uniform_` 或 `kaiming_uniform_`；加归一化层；加残差连接。",
        ),
        ("ReLU, Xavier or Kaiming initialisation, normalisation", "ReLU、Xavier 或 Kaiming 初始化、归一化"), ("nn.ReLU", "nn.BatchNorm1d"),
    ),
    _e(
        "LW551", ("dead units", "死亡的神经元"),
        (
            "Units of a ReLU layer give 0 for every example; their gradient is 0 too, and so is that of the layers before, so they never come back. "
            "Typical after a step that was too large, or with a negative initial bias.",
            "ReLU 层的一些单元对每个样本都输出 0；它们的梯度也是 0，更靠前的层也得不到梯度，因此再也不会恢复。常见于过大的一步更新之后，或偏置初始为负。",
        ),
        ("Lower the learning rate, start biases at 0, or use `nn.LeakyReLU` or `nn.GELU`.", "降低学习率、偏置从 0 开始，或改用 `nn.LeakyReLU`、`nn.GELU`。"),
        ("lower learning rate, or nn.LeakyReLU", "降低学习率，或用 nn.LeakyReLU"), ("nn.LeakyReLU",),
    ),
    _e(
        "LW552", ("saturated units", "饱和的神经元"),
        (
            "Nearly all outputs of a sigmoid or tanh layer lie at its ends, where the slope is almost 0: little gradient passes.",
            "sigmoid 或 tanh 层的输出几乎都在两端，那里的导数接近 0：几乎没有梯度能通过。",
        ),
        ("Smaller initial weights (`nn.init.xavier_uniform_`), normalised inputs, a normalisation layer before it.",
         "减小初始权重（`nn.init.xavier_uniform_`）、对输入标准化、在它之前加归一化层。"),
        ("Xavier initialisation, normalised inputs", "Xavier 初始化，输入标准化"), ("nn.init.xavier_uniform_",),
    ),
    _e(
        "LW553", ("an infinity or NaN that stayed hidden", "没有造成影响的无穷大或 NaN"),
        (
            "An operation made values that are not finite, and no gradient has met them: they were masked or clipped, or the program looked at them "
            "itself and skipped the step or ended.",
            "某个运算产生了非有限值，但没有影响到任何梯度：它们被掩蔽或截断了，或者程序自己发现后跳过了这一步或结束了训练。",
        ),
        (
            "Nothing, where it is meant: a masked value, a mean of nothing that is skipped. Else mend the operation named; the note tells what "
            "it was: keep its argument in range before the operation.",
            "如果是有意的（被掩蔽的值、被跳过的空集平均），不必处理。否则要修好上面指出的运算（说明里写了具体是什么）：在运算之前就让自变量留在范围内。",
        ),
        ("nothing, where it is meant; else keep the argument in range", "有意为之则不必处理；否则让自变量留在范围内"), (),
    ),
)  # fmt: skip

_by_code = {e.code: e for e in ENTRIES}


def entry(code: str) -> Entry:
    """The entry of a code."""
    return _by_code[code]
