"""Sizes given as one number or several, as the layers of others' code ask for them; and prefixes of state dicts."""

from ...errors.teaching import ValueError
from ..core import expand

__all__ = ["consume_prefix_in_state_dict_if_present"]


def _tuple_of(n: int, name: str):
    def parse(x):
        return expand(x, n)

    parse.__name__ = parse.__qualname__ = name
    parse.__doc__ = f"A sequence as a tuple; anything else {n} times."
    return parse


_single, _pair, _triple, _quadruple = (_tuple_of(n, f"_{word}") for n, word in enumerate(("single", "pair", "triple", "quadruple"), 1))


def _ntuple(n: int, name: str = "parse"):
    """The function that makes an n-tuple of one number, and leaves a sequence's items as they are."""
    return _tuple_of(n, name)


def _reverse_repeat_tuple(t: tuple, n: int) -> tuple:
    """The items from the last to the first, each n times: how `pad` wants paddings."""
    return tuple(x for x in reversed(t) for _ in range(n))


def _list_with_default(out_size, defaults) -> list:
    """The sizes, with those that are None from the end of `defaults`; ValueError where there are more sizes than defaults."""
    if isinstance(out_size, int):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    return [d if v is None else v for v, d in zip(out_size, defaults[-len(out_size) :])]


def consume_prefix_in_state_dict_if_present(state_dict: dict, prefix: str) -> None:
    """Take `prefix` off the names of a state dict, in place: 'module.' of a DataParallel's, say.

    >>> from lightwell.nn.modules.utils import consume_prefix_in_state_dict_if_present
    >>> state = {"module.weight": 1, "bias": 2}
    >>> consume_prefix_in_state_dict_if_present(state, "module.")
    >>> sorted(state)
    ['bias', 'weight']
    """
    for key in [k for k in state_dict if k.startswith(prefix)]:
        state_dict[key.removeprefix(prefix)] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    for key in list(metadata or ()):
        # "" is the module itself, "module" the wrapper's only part, "module.x" a part of that
        if key and (key == prefix.rstrip(".") or key.startswith(prefix)):
            metadata[key.removeprefix(prefix).removeprefix(prefix.rstrip("."))] = metadata.pop(key)
