"""Pytrees: nested lists, tuples, dicts and registered containers, taken apart into a flat list of leaves and a spec, and put together again."""

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

from lightwell.errors.teaching import TypeError, ValueError

__all__ = [
    "GetAttrKey", "KeyEntry", "KeyPath", "LeafSpec", "MappingKey", "PyTree", "SequenceKey", "TreeSpec", "is_namedtuple", "keystr",
    "register_dataclass", "register_pytree_node", "tree_all", "tree_all_only", "tree_any", "tree_any_only", "tree_flatten",
    "tree_flatten_with_path", "tree_is_leaf", "tree_iter", "tree_leaves", "tree_leaves_with_path", "tree_map", "tree_map_",
    "tree_map_only", "tree_map_only_", "tree_map_with_path", "tree_structure", "tree_unflatten",
]  # fmt: skip

PyTree = Any
KeyEntry = Any
KeyPath = tuple


class Container(NamedTuple):
    """How a kind of container comes apart: `flatten(x) -> (children, context)`, `unflatten(children, context)`, keys for paths."""

    flatten: Callable
    unflatten: Callable
    keys: Callable | None = None


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """A step of a path into a list or tuple."""

    idx: int

    def __str__(self):
        return f"[{self.idx!r}]"

    def get(self, sequence):
        """The element there."""
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """A step of a path into a dict."""

    key: Any

    def __str__(self):
        return f"[{self.key!r}]"

    def get(self, mapping):
        """The value there."""
        return mapping[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """A step of a path to an attribute."""

    name: str

    def __str__(self):
        return f".{self.name}"

    def get(self, obj):
        """The attribute."""
        return getattr(obj, self.name)


def _of_list(kind):
    return Container(lambda x: (list(x), None), lambda c, _: kind(c), lambda x: [SequenceKey(i) for i in range(len(x))])


def _of_dict(rebuild):
    return Container(
        lambda x: (list(x.values()), list(x)),
        lambda c, keys: rebuild(zip(keys, c)),
        lambda x: [MappingKey(k) for k in x],
    )


SUPPORTED_NODES: dict[type, Container] = {
    list: _of_list(list),
    tuple: _of_list(tuple),
    dict: _of_dict(dict),
    OrderedDict: _of_dict(OrderedDict),
    defaultdict: Container(
        lambda x: (list(x.values()), [x.default_factory, list(x)]),
        lambda c, context: defaultdict(context[0], zip(context[1], c)),
        lambda x: [MappingKey(k) for k in x],
    ),
    deque: Container(lambda x: (list(x), x.maxlen), lambda c, maxlen: deque(c, maxlen), lambda x: [SequenceKey(i) for i in range(len(x))]),
    namedtuple: Container(  # type: ignore[dict-item]  # stands for every named tuple; its class is the context
        lambda x: (list(x), type(x)),
        lambda c, cls: cls(*c),
        lambda x: [GetAttrKey(name) for name in x._fields],
    ),
}


def is_namedtuple(obj) -> bool:
    """Whether `obj` is a named tuple, or a class of them."""
    cls = obj if isinstance(obj, type) else type(obj)
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


is_namedtuple_instance = is_namedtuple


def register_pytree_node(
    cls, flatten_fn, unflatten_fn, *, serialized_type_name=None, to_dumpable_context=None, from_dumpable_context=None,
    flatten_with_keys_fn=None,
) -> None:  # fmt: skip
    """Make `cls` a container: `flatten_fn(x) -> (children, context)`, `unflatten_fn(children, context) -> x`.

    ValueError where the class is one already.
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    keys = None if flatten_with_keys_fn is None else lambda x: [key for key, _ in flatten_with_keys_fn(x)[0]]
    SUPPORTED_NODES[cls] = Container(flatten_fn, unflatten_fn, keys)


_register_pytree_node = register_pytree_node


def register_dataclass(cls, *, field_names=None, drop_field_names=None, serialized_type_name=None) -> None:
    """Make a dataclass a container of its fields."""
    names = list(field_names) if field_names is not None else [f.name for f in dataclasses.fields(cls) if f.init]
    names = [n for n in names if n not in (drop_field_names or ())]
    register_pytree_node(
        cls,
        lambda x: ([getattr(x, n) for n in names], None),
        lambda c, _: cls(**dict(zip(names, c))),
        flatten_with_keys_fn=lambda x: ([(GetAttrKey(n), getattr(x, n)) for n in names], None),
    )


def _kind(tree):
    """The key into SUPPORTED_NODES of a container; None for a leaf."""
    cls = type(tree)
    if cls in SUPPORTED_NODES:
        return cls
    return namedtuple if issubclass(cls, tuple) and is_namedtuple(cls) else None


@dataclasses.dataclass(eq=True)
class TreeSpec:
    """The structure of a tree: the kind of its root, what rebuilding it needs, and the specs of its children (type None: a leaf)."""

    type: Any
    context: Any = None
    children_specs: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.num_children = len(self.children_specs)
        self.num_leaves = 1 if self.type is None else sum(c.num_leaves for c in self.children_specs)
        self.num_nodes = 1 + sum(c.num_nodes for c in self.children_specs)

    def children(self):
        """The specs of the children."""
        return list(self.children_specs)

    def child(self, i):
        """The spec of one child."""
        return self.children_specs[i]

    def is_leaf(self) -> bool:
        """Whether the tree is one leaf."""
        return self.type is None

    def flatten_up_to(self, tree) -> list:
        """The parts of `tree` that stand where this structure has leaves; ValueError where it differs above them."""
        if self.type is None:
            return [tree]
        if _kind(tree) is not self.type:
            raise ValueError(f"Type mismatch; expected {self.type!r}, but got {type(tree)!r}.")
        children, context = SUPPORTED_NODES[self.type].flatten(tree)
        if len(children) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(children)}.")
        if self.type in (dict, OrderedDict) and set(context) != set(self.context):
            raise ValueError(f"Node keys mismatch; expected {self.context}, but got {list(context)}.")
        if self.type in (dict, OrderedDict):
            children = [tree[k] for k in self.context]
        return [part for spec, child in zip(self.children_specs, children) for part in spec.flatten_up_to(child)]

    def unflatten(self, leaves):
        """The tree of this structure with these leaves."""
        return tree_unflatten(leaves, self)

    def __repr__(self, indent: int = 0):
        if self.type is None:
            return "*"
        inner = (",\n" + " " * (indent + 2)).join(c.__repr__(indent + 2) for c in self.children_specs)
        return f"TreeSpec({self.type.__name__}, {self.context}, [{inner}])"

    __hash__ = None  # type: ignore[assignment]


class LeafSpec(TreeSpec):
    """The structure of a leaf."""

    def __init__(self):
        super().__init__(None)

    def __eq__(self, other):
        return isinstance(other, TreeSpec) and other.type is None

    __hash__ = None  # type: ignore[assignment]


_leaf = LeafSpec()


def tree_is_leaf(tree, is_leaf=None) -> bool:
    """Whether `tree` is a leaf: no container, or `is_leaf(tree)` says so."""
    return (is_leaf is not None and is_leaf(tree)) or _kind(tree) is None


def tree_flatten(tree, is_leaf=None) -> tuple:
    """(list of leaves, TreeSpec) of a tree, children in order.

    >>> from lightwell.utils._pytree import tree_flatten, tree_unflatten
    >>> leaves, spec = tree_flatten({"a": 1, "b": [2, (3,)]})
    >>> leaves, tree_unflatten([10, 20, 30], spec)
    ([1, 2, 3], {'a': 10, 'b': [20, (30,)]})
    """
    leaves: list = []

    def walk(x):
        kind = None if is_leaf is not None and is_leaf(x) else _kind(x)
        if kind is None:
            leaves.append(x)
            return _leaf
        children, context = SUPPORTED_NODES[kind].flatten(x)
        return TreeSpec(kind, context, [walk(c) for c in children])

    spec = walk(tree)
    return leaves, spec


def tree_unflatten(leaves, treespec) -> Any:
    """The tree of a structure with these leaves; ValueError for another number of them."""
    leaves = list(leaves)
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"tree_unflatten(leaves, treespec): expected a TreeSpec, got {type(treespec).__name__}")
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec refers to a pytree that holds "
            f"{treespec.num_leaves} items ({treespec})."
        )
    rest = iter(leaves)

    def build(spec):
        if spec.type is None:
            return next(rest)
        return SUPPORTED_NODES[spec.type].unflatten([build(c) for c in spec.children_specs], spec.context)

    return build(treespec)


def tree_iter(tree, is_leaf=None):
    """The leaves, one after the other."""
    yield from tree_flatten(tree, is_leaf)[0]


def tree_leaves(tree, is_leaf=None) -> list:
    """The leaves of a tree."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree, is_leaf=None) -> TreeSpec:
    """The TreeSpec of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func, tree, *rests, is_leaf=None):
    """The tree with `func(leaf, *leaves of the others)` in place of each leaf; the others must have the same structure.

    >>> from lightwell.utils._pytree import tree_map
    >>> tree_map(lambda a, b: a + b, {"x": 1, "y": (2, 3)}, {"x": 10, "y": (20, 30)})
    {'x': 11, 'y': (22, 33)}
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves, *[spec.flatten_up_to(r) for r in rests]]
    return tree_unflatten([func(*row) for row in zip(*columns)], spec)


def tree_map_(func, tree, *rests, is_leaf=None):
    """Call `func` on each leaf for its effect; returns the tree."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _test(kinds):
    """A predicate for a type, a tuple of types, or a predicate."""
    return (lambda x: isinstance(x, kinds)) if isinstance(kinds, (type, tuple)) or not callable(kinds) else kinds


def map_only(type_or_types_or_pred, /):
    """A decorator: the function acts on leaves of these types (or for which the predicate holds), others pass unchanged."""
    fits = _test(type_or_types_or_pred)
    return lambda func: lambda x: func(x) if fits(x) else x


def tree_map_only(type_or_types_or_pred, /, func=None, tree=None, is_leaf=None):
    """`tree_map` over the leaves of some type(s), the others unchanged."""
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred, /, func=None, tree=None, is_leaf=None):
    """`tree_map_` over the leaves of some type(s)."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred, tree, is_leaf=None) -> bool:
    """Whether the predicate holds for all leaves."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred, tree, is_leaf=None) -> bool:
    """Whether the predicate holds for some leaf."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_types, /, pred=None, tree=None, is_leaf=None) -> bool:
    """Whether the predicate holds for all leaves of some type(s)."""
    return all(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types, /, pred=None, tree=None, is_leaf=None) -> bool:
    """Whether the predicate holds for some leaf of some type(s)."""
    return any(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def tree_leaves_with_path(tree, is_leaf=None) -> list:
    """(path, leaf) pairs, a path being a tuple of keys."""
    found: list = []

    def walk(path, x):
        kind = None if is_leaf is not None and is_leaf(x) else _kind(x)
        if kind is None:
            found.append((path, x))
            return
        container = SUPPORTED_NODES[kind]
        children, _ = container.flatten(x)
        keys = container.keys(x) if container.keys is not None else [SequenceKey(i) for i in range(len(children))]
        for key, child in zip(keys, children):
            walk((*path, key), child)

    walk((), tree)
    return found


def tree_flatten_with_path(tree, is_leaf=None) -> tuple:
    """(list of (path, leaf) pairs, TreeSpec)."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func, tree, *rests, is_leaf=None):
    """`tree_map` with the path as the function's first argument."""
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    columns = [spec.flatten_up_to(r) for r in rests]
    return tree_unflatten([func(path, leaf, *[c[i] for c in columns]) for i, (path, leaf) in enumerate(pairs)], spec)


def keystr(kp) -> str:
    """A path as text, such as "['layers'][0].weight"."""
    return "".join(map(str, kp))


def key_get(obj, kp):
    """What a path leads to."""
    for key in kp:
        obj = key.get(obj)
    return obj


def _broadcast_to_and_flatten(tree, treespec, is_leaf=None):
    """The leaves of a tree that may stop above the structure's leaves, each repeated for all below it; None where it doesn't fit."""
    kind = None if is_leaf is not None and is_leaf(tree) else _kind(tree)
    if kind is None:
        return [tree] * treespec.num_leaves
    if treespec.type is not kind:
        return None
    children, context = SUPPORTED_NODES[kind].flatten(tree)
    if len(children) != treespec.num_children or context != treespec.context:
        return None
    out: list = []
    for child, spec in zip(children, treespec.children_specs):
        found = _broadcast_to_and_flatten(child, spec, is_leaf)
        if found is None:
            return None
        out += found
    return out
