"""Why a call gave a view or a copy, in words computed from the shapes, strides and dtypes that were really there.

`why(step)` is the reason, `instead(step)` what would have given the other. What is a view and what a copy was measured
before (`trial.py`): nothing here decides it.
"""

import itertools

import numpy as np

from ...language import say
from ...tensor import Tensor
from .maps import size, tuple_text
from .storages import address, array_of, layout
from .trial import Step, tensors_in

# The names are those of functions and methods, and those of records, which is what a user's own function shows.
_RESHAPES = frozenset("reshape view view_as reshape_as flatten ravel unflatten Flatten Unflatten".split())
_TURNS = frozenset("t T mT H mH transpose permute movedim moveaxis swapaxes swapdims adjoint matrix_transpose permute_dims".split())
_EXPANDS = frozenset("expand expand_as broadcast_to broadcast_tensors".split())
_ONES = frozenset("squeeze squeeze_dim squeeze_dims unsqueeze new_dims atleast_1d atleast_2d atleast_3d expand_dims".split())
_PARTS = frozenset(
    "select slice narrow chunk split split_with_sizes tensor_split hsplit vsplit dsplit unbind unsafe_chunk unsafe_split".split()
)
_PICKS = frozenset("index_select gather take take_along_dim masked_select index argwhere nonzero embedding".split())
_CASTS = frozenset(
    "to type type_as float double half bfloat16 int long short char byte bool cfloat cdouble cpu as_tensor asarray astype to_copy".split()
)
_DETACHED = frozenset("detach data alias view_as_self detach_".split())
_WRAPS = frozenset("numpy __array__ from_numpy as_tensor asarray frombuffer from_dlpack array memoryview".split())
_FLIPS = frozenset("flip fliplr flipud rot90".split())
_REPEATS = frozenset("repeat tile repeat_interleave".split())
_JOINS = frozenset("cat concat concatenate stack hstack vstack dstack column_stack row_stack block_diag".split())
_COPIES = frozenset("clone copy deepcopy __copy__ __deepcopy__ new_tensor".split())
_NUMBERS = frozenset("tolist item __int__ __float__ int float bool complex".split())
_OPERATIONS = frozenset("+ - * / @ ** // % & | ^ << >> neg compare".split())
_KNOWN = frozenset().union(
    _RESHAPES, _TURNS, _EXPANDS, _ONES, _PARTS, _PICKS, _CASTS, _DETACHED, _WRAPS, _FLIPS, _REPEATS, _JOINS, _COPIES, _NUMBERS, _OPERATIONS,
    ("[]", "=", "+=", "[:]=", "tensor", "contiguous", "roll", "diagonal", "unfold", "as_strided"),
)  # fmt: skip


def blocked(shape, strides, wanted) -> tuple[int, int] | None:
    """Two neighbouring dimensions of a layout that the new shape would have to merge and can't; None where strides can show it.

    Dimensions k and l (l the next one of size > 1) merge where stride[k] = shape[l]·stride[l]; where they don't, the new
    shape must have a boundary at the same place, that is, the same product of the sizes before it.
    """
    if 0 in shape:
        return None
    kept = [k for k, n in enumerate(shape) if n != 1]
    boundaries, product = {1}, 1
    for n in wanted:
        product *= n
        boundaries.add(product)
    outer = 1
    for k, following in itertools.pairwise(kept):
        outer *= shape[k]
        if strides[k] != shape[following] * strides[following] and outer not in boundaries:
            return k, following
    return None


def _source(step: Step):
    """The operand that a step's result is told against: the tensor itself in x.f(…) and f(x, …)."""
    for name, value in step.operands:
        if array_of(value) is not None and step.origin in (None, name):
            return name, value
    return step.operands[0] if step.operands else ("", None)


def _result(step: Step):
    found = tensors_in(step.value)
    return found[0] if found else None


def _dtype(value) -> str:
    return str(value.dtype).removeprefix("torch.")


def _kind(step: Step) -> str:
    """The name of a step without its in-place or *_copy ending's meaning: as the tables above have it."""
    return step.name.removeprefix("np.")


def why(step: Step) -> str:
    """The reason for what was measured of one step."""
    name, source = _source(step)
    result, kind = _result(step), _kind(step)
    if kind in ("+=", "[:]=", "="):
        return _of_statement(step, kind)
    deeper = _deeper(step, kind)
    if deeper is not None:
        return why(deeper)
    if step.written:
        return _of_write(step)
    if step.verdict == "same":
        return _of_same(step, name, source, kind)
    if step.verdict == "partly":
        return say(
            "some of what it returns lies in the old memory, some in memory of its own",
            "返回的结果中，一部分在原来的内存里，一部分在新内存里",
        )
    if step.verdict == "numbers" and kind not in _NUMBERS:
        what = type(step.value).__name__
        return say(f"it returns no tensor: a Python {what} holds no memory of one", f"它返回的不是张量：Python 的 {what} 不占张量的内存")
    if step.verdict == "numbers":
        return say(
            "Python numbers are objects of their own: each element is read and copied out",
            "Python 数是独立的对象：每个元素都被读出来、复制出去",
        )
    if step.verdict == "nothing":
        return say("it returns nothing", "它没有返回值")
    if step.verdict == "new":
        return say("there was no tensor to share memory with", "没有可以共享内存的张量")
    if source is None or result is None or layout(source) is None or layout(result) is None:
        return _plain(step)
    return (_of_view if step.verdict == "view" else _of_copy)(step, kind, name, source, result)


def _deeper(step: Step, kind: str) -> Step | None:
    """For a call whose name tells nothing (a user's function, a module): the operation in it that gave what was measured."""
    if kind in _KNOWN or step.written or step.verdict not in ("copy", "view"):
        return None
    made = [s for s in step.inner if s.verdict == step.verdict]
    return made[-1] if made else None


def _plain(step: Step) -> str:
    if step.verdict == "view":
        return say("the result is described by a start and strides in the same memory", "结果只是同一块内存上的一个起点和一组步幅")
    return say("the values are computed anew, into memory of their own", "数值是重新算出来的，放在新内存里")


def _of_same(step: Step, name: str, source, kind: str) -> str:
    found = layout(source) if source is not None else None
    if kind == "contiguous" and found:
        return say(
            f"{name} is contiguous already (shape {tuple_text(found[0])}, strides {tuple_text(found[1])}): it is returned itself",
            f"{name} 本来就是连续的（形状 {tuple_text(found[0])}，步幅 {tuple_text(found[1])}）：原样返回它自己",
        )
    if kind in _CASTS and source is not None:
        return say(
            f"{name} is {_dtype(source)} on {getattr(source, 'device', 'cpu')} already: it is returned itself",
            f"{name} 已经是 {getattr(source, 'device', 'cpu')} 上的 {_dtype(source)}：原样返回它自己",
        )
    if kind.endswith("_") and not kind.endswith("__"):
        return say(f"{kind}() changes the tensor itself; its memory stays as it is", f"{kind}() 改的是张量自身的描述，内存里的数没动")
    return say(f"there was nothing to do: {name} itself is returned", f"没有什么要做的：返回的就是 {name} 自己")


def _of_write(step: Step) -> str:
    names = ", ".join(dict.fromkeys(step.written))
    if "out=" in step.text.replace(" ", ""):
        return say(f"out= writes the result into the memory of {names}", f"out= 把结果写进 {names} 的内存")
    return say(f"it writes into the memory of {names}: no new memory for the result", f"它直接写进 {names} 的内存：结果不占新内存")


def _of_statement(step: Step, kind: str) -> str:
    name = step.text.split("=")[0].rstrip("+-*/@%&|^<> ").strip()
    if step.written:
        where = ", ".join(dict.fromkeys(step.written))
        if kind == "[:]=":
            told = say(
                f"assigning to elements, {name} = …, writes into the memory of {where}", f"给元素赋值（{name} = …）是写进 {where} 的内存"
            )
            if "temporary" in step.arguments:
                told += say("; the right-hand side is computed first, into temporary memory", "；右边先算好，放在临时内存里")
            return told
        return say(
            f"the augmented assignment calls the in-place method, which writes into the memory of {where}",
            f"增量赋值调用的是原地方法，写进 {where} 的内存",
        )
    if step.verdict in ("view", "same") and not (step.inner and step.inner[-1].verdict == "view"):
        return say(
            f"the right-hand side is {'the tensor itself' if step.verdict == 'same' else 'a view'}: {name} becomes another name for that memory",
            f"右边{'就是张量自己' if step.verdict == 'same' else '是视图'}：{name} 成了那块内存的又一个名字",
        )
    last = step.inner[-1] if kind == "=" and step.inner and step.inner[-1].name not in _OPERATIONS else None
    if last is not None and last.verdict == step.verdict:
        return why(last) + say(f"; {name} is then the name of the result", f"；{name} 就是这个结果的名字")
    if kind == "+=":
        return say(f"{name} can't be written in place, so the name is given a new object", f"{name} 不能原地写，所以这个名字换成了新对象")
    return say(
        f"the right-hand side is computed into new memory, and the name {name} is then given to it; the old memory stays with whoever else holds it",
        f"右边算到新内存里，然后名字 {name} 改指向它；旧内存仍归其他持有它的名字所有",
    )


def _of_view(step: Step, kind: str, name: str, source, result) -> str:
    (shape, strides), (new_shape, new_strides) = layout(source) or ((), ()), layout(result) or ((), ())
    before, after = tuple_text(strides), tuple_text(new_strides)
    if kind in _TURNS:
        return say(f"only the order of the strides changes: {before} → {after}", f"只是换了步幅的顺序：{before} → {after}")
    if kind in _EXPANDS:
        dims = [d for d, (n, s) in enumerate(zip(new_shape, new_strides)) if s == 0 and n > 1]
        return (
            say(
                f"dimension{'s' * (len(dims) != 1)} {', '.join(map(str, dims))} {'has' if len(dims) == 1 else 'have'} stride 0: every step reads the same element, nothing is repeated in memory",
                f"第 {', '.join(map(str, dims))} 维步幅为 0：每走一步读的都是同一个元素，内存里什么也没有重复",
            )
            if dims
            else say("no dimension had to grow", "没有哪一维需要扩展")
        )
    if kind in _ONES:
        return say(
            f"a dimension of size 1 takes no memory: only shape and strides change, {before} → {after}",
            f"大小为 1 的维不占内存：只改形状和步幅，{before} → {after}",
        )
    if kind in _RESHAPES and _dtype(source) == _dtype(result):
        return _merged(name, source, shape, strides, new_shape, new_strides)
    if _dtype(source) != _dtype(result):
        return say(
            f"the same bytes are read as {_dtype(result)} instead of {_dtype(source)}",
            f"同样的字节，不当作 {_dtype(source)} 而当作 {_dtype(result)} 来读",
        )
    if kind in _WRAPS:
        return say(
            f"the result is put around the memory of {name}: no element is moved, and each shows the other's changes",
            f"结果直接套在 {name} 的内存上：没有搬动任何元素，改一个，另一个也跟着变",
        )
    if kind in _DETACHED:
        return say(
            "the same memory outside the graph: writing to one shows in the other", "同一块内存，只是脱离了计算图：改一个，另一个也变"
        )
    if kind == "diagonal":
        return say(f"one step of stride {new_strides[-1]} walks down the diagonal", f"每一步跨 {new_strides[-1]} 个元素，正好沿着对角线走")
    if kind in ("unfold", "as_strided"):
        return say(
            f"strides {after} lay the windows over the same memory; where they overlap they show the same elements",
            f"步幅 {after} 把窗口铺在同一块内存上；重叠的地方就是同样的元素",
        )
    start = (address(array_of(result)) - address(array_of(source))) // max(1, source.itemsize)  # type: ignore[arg-type]
    if kind == "[]" or kind in _PARTS:
        return say(
            f"numbers and slices leave the elements evenly spaced: offset {start:+d}, strides {before} → {after} describe them",
            f"用整数和切片取出的元素间隔均匀：偏移 {start:+d}、步幅 {before} → {after} 就能描述",
        )
    return say(
        f"shape {tuple_text(new_shape)} with strides {after}, starting {start} elements on, describes the result in the same memory",
        f"形状 {tuple_text(new_shape)}、步幅 {after}、起点后移 {start} 个元素，就在同一块内存里描述了结果",
    )


def _merged(name: str, source, shape, strides, new_shape, new_strides) -> str:
    if array_of(source).flags.c_contiguous:  # type: ignore[union-attr]
        return say(
            f"{name} is contiguous, so any shape with as many elements can be laid over its memory: strides {tuple_text(strides)} → {tuple_text(new_strides)}",
            f"{name} 是连续的，元素个数相同的任何形状都能铺在它的内存上：步幅 {tuple_text(strides)} → {tuple_text(new_strides)}",
        )
    return say(
        f"{name} is not contiguous, but the new shape merges only dimensions that fit together: strides {tuple_text(strides)} → {tuple_text(new_strides)}",
        f"{name} 不连续，但新形状只合并彼此衔接的维：步幅 {tuple_text(strides)} → {tuple_text(new_strides)}",
    )


def _of_copy(step: Step, kind: str, name: str, source, result) -> str:
    (shape, strides), (new_shape, _) = layout(source) or ((), ()), layout(result) or ((), ())
    if kind in _RESHAPES or kind == "contiguous":
        found = blocked(shape, strides, new_shape)
        if found is not None and kind != "contiguous":
            k, m = found
            return say(
                f"dimensions {k} and {m} of {name} (sizes {shape[k]} and {shape[m]}) would have to become one, and can't be merged: that takes "
                f"stride[{k}] = size[{m}]·stride[{m}], but {strides[k]} ≠ {shape[m]}·{strides[m]}",
                f"{name} 的第 {k} 维和第 {m} 维（大小 {shape[k]} 和 {shape[m]}）得并成一维，却并不了：这要求 "
                f"stride[{k}] = size[{m}]·stride[{m}]，可是 {strides[k]} ≠ {shape[m]}·{strides[m]}",
            )
        row = _row_major(shape)
        if tuple(strides) != row:
            return say(
                f"{name} is not contiguous: its strides are {tuple_text(strides)}, in the order of the indices they would be {tuple_text(row)}; "
                "the elements are put in order in new memory",
                f"{name} 不连续：步幅是 {tuple_text(strides)}，按下标顺序排列时应为 {tuple_text(row)}；于是在新内存里把元素排好",
            )
    if kind in _NUMBERS:
        return why_numbers()
    if kind in _COPIES or kind.endswith("_copy"):
        return say(f"{kind}() is there to copy: memory of its own", f"{kind}() 就是用来复制的：结果有自己的内存")
    if kind == "tensor" or kind == "array":
        return say(f"{kind}() always copies the data that it is given", f"{kind}() 总是复制传给它的数据")
    if _dtype(source) != _dtype(result) and (kind in _CASTS or kind in _WRAPS):
        return say(
            f"the dtype changes, {_dtype(source)} → {_dtype(result)}: every element is converted, into new memory",
            f"数据类型变了，{_dtype(source)} → {_dtype(result)}：每个元素都要转换，放进新内存",
        )
    if kind in _CASTS:
        return say("a copy was asked for (copy=True)", "要求了复制（copy=True）")
    if kind in _EXPANDS:
        return _plain(step)
    if kind == "[]" or kind in _PICKS:
        return _picked(step)
    if kind in _FLIPS:
        return say(
            "read backwards it would need negative strides, which tensors don't have: the elements are copied in reverse",
            "倒着读需要负步幅，而张量没有负步幅：只好把元素倒序复制一份",
        )
    if kind in _REPEATS:
        return say(
            f"{kind}() writes every repetition into memory: {size(array_of(source).nbytes)} become {size(array_of(result).nbytes)}",  # type: ignore[union-attr]
            f"{kind}() 把每次重复都真的写进内存：{size(array_of(source).nbytes)} 变成 {size(array_of(result).nbytes)}",  # type: ignore[union-attr]
        )
    if kind in _JOINS:
        return say(
            "what lies in several places is put side by side: that needs one new stretch of memory",
            "散在几处的数据要摆到一起：需要一整块新内存",
        )
    if kind == "roll":
        return say(
            "what leaves at one end enters at the other: no single stride goes there", "从一端出去的又从另一端进来：没有哪个步幅能这样走"
        )
    return _plain(step)


def why_numbers() -> str:
    """Why Python numbers are copies."""
    return say("Python numbers are objects of their own", "Python 数是独立的对象")


def _row_major(shape) -> tuple:
    out, step = [], 1
    for n in reversed(shape):
        out.append(step)
        step *= max(n, 1)
    return tuple(reversed(out))


def _key_of(step: Step):
    """The index that picked, as the step's arguments have it."""
    return step.arguments[-1] if step.arguments else None


def _picked(step: Step) -> str:
    key = _key_of(step)
    entries = key if isinstance(key, tuple) else (key,)
    masks = [k for k in entries if hasattr(k, "dtype") and str(k.dtype).removeprefix("torch.") in ("bool", "uint8")]
    if masks or step.name == "masked_select":
        return say(
            "a mask picks any elements whatever: no start and strides describe them, so indexing by a mask always copies",
            "布尔掩码可以挑出任意元素：没有起点和步幅能描述它们，所以用掩码索引总是复制",
        )
    return say(
        "advanced indexing (by lists or index tensors) always copies: any places, in any order, can't be described by strides",
        "高级索引（用列表或下标张量）总是复制：任意位置、任意顺序，无法用步幅描述",
    )


# ---- what would have given the other -----------------------------------------------------------------------------------


def instead(step: Step) -> str:
    """What would have given a copy in place of this view, or a view in place of this copy; "" where nothing would."""
    name, source = _source(step)
    kind, result = _kind(step), _result(step)
    deeper = _deeper(step, kind)
    if deeper is not None:
        return instead(deeper)
    if kind == "=" and step.inner and step.inner[-1].name not in _OPERATIONS and step.inner[-1].verdict == step.verdict:
        return instead(step.inner[-1])
    if kind == "+=" and step.written:
        target = step.text.split("=")[0].rstrip("+-*/@%&|^<> ").strip()
        return say(
            f"to leave the old values: {target} = {target} …, which computes into new memory",
            f"想保留旧值：写 {target} = {target} …，结果算到新内存里",
        )
    if kind in ("=", "+=") and not step.written and step.verdict == "copy":
        target = step.text.split("=")[0].rstrip("+-*/ ").strip()
        return say(
            f"to keep the memory: {target}[:] = …, or an in-place method such as {target}.add_(…)",
            f"想沿用原内存：写 {target}[:] = …，或用 {target}.add_(…) 这样的原地方法",
        )
    if kind == "[:]=" and step.written:
        return (
            ""
            if "temporary" not in step.arguments
            else say(
                "without the temporary memory: the function's out=, or an in-place method such as add_()",
                "想连临时内存也省掉：用函数的 out= 参数，或 add_() 这样的原地方法",
            )
        )
    if step.written:
        plain = kind.rstrip("_")
        if plain != kind and hasattr(Tensor, plain):
            return say(f"to leave the old values: {plain}(), without the underscore", f"想保留旧值：用不带下划线的 {plain}()")
        return say("to leave the old values: clone() before", "想保留旧值：先 clone() 一份")
    if step.verdict in ("view", "same"):
        return (
            say("for memory of its own: .clone() behind it", "想要独立的内存：后面加 .clone()")
            if not isinstance(result, np.ndarray)
            else say("for memory of its own: .copy() behind it", "想要独立的内存：后面加 .copy()")
        )
    if step.verdict != "copy" or source is None:
        return ""
    if kind in _RESHAPES:
        return say(
            f"a view of {name} under this shape doesn't exist; view() would say so with an error instead of copying",
            f"{name} 没有这种形状的视图；用 view() 会报错提醒，而不是悄悄复制",
        )
    if kind == "contiguous":
        return say(f"{name} itself, as long as nothing needs the elements in order", f"只要后面不要求元素按顺序排列，直接用 {name} 就行")
    if kind == "[]":
        return _as_slice(step)
    if kind in _REPEATS and kind != "repeat_interleave":
        return say("for a view: expand(), where the repeated dimension has size 1", "想要视图：被重复的维大小为 1 时可用 expand()")
    if kind in ("tensor", "array", "as_tensor", "asarray") and isinstance(source, np.ndarray):
        return say(
            "for a view: torch.from_numpy(a), or as_tensor(a) without another dtype",
            "想要视图：torch.from_numpy(a)，或不改 dtype 的 as_tensor(a)",
        )
    if kind == "tensor":
        return say("for the same memory: .detach()", "想共用内存：.detach()")
    if kind in _COPIES:
        return say(
            "for the same memory: the name alone, or .detach() outside the graph", "想共用内存：直接用原名，或用 .detach() 脱离计算图"
        )
    if kind in _OPERATIONS:
        return say("to reuse memory: an in-place method such as add_(), or out=", "想重用内存：用 add_() 这样的原地方法，或 out=")
    return ""


def _as_slice(step: Step) -> str:
    """The slice that shows the same elements as a list of evenly spaced indices, where there is one."""
    key = _key_of(step)
    if isinstance(key, tuple) or key is None:
        return ""
    a = np.asarray(key._a if isinstance(key, Tensor) else key)
    if a.ndim != 1 or a.dtype.kind not in "iu" or len(a) < 2 or (a < 0).any():
        return ""
    steps = np.unique(np.diff(a))
    if len(steps) != 1 or steps[0] <= 0:
        return ""
    base = _source(step)[0]
    told = f"{base}[{a[0]}:{a[-1] + 1}{'' if steps[0] == 1 else f':{steps[0]}'}]"
    return say(f"for a view of the same elements: {told}", f"想要同样元素的视图：{told}")
