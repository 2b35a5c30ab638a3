"""`torch.torch_version`: a version that compares by its numbers, with strings and with tuples."""

import builtins
import re

from lightwell.errors.teaching import ValueError

__all__ = ["TorchVersion"]


def _key(version) -> tuple:
    """The numbers of a version, a pre-release before its release, one with something behind a plus sign after it."""
    if isinstance(version, (tuple, list)):
        version = ".".join(map(str, version))
    found = re.match(r"\s*v?(\d+(?:\.\d+)*)[-_.]?((?:a|b|c|rc|alpha|beta|pre|dev)\d*)?", str(version))
    if found is None:
        raise ValueError(f"{version!r} is no version: write it as '2.1' or (2, 1)")
    numbers = [int(n) for n in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), found[2] is None, found[2] or "", str(version).partition("+")[2]


class TorchVersion(str):
    """A string that orders as a version: "2.13.0+lightwell.0.1.0" > "2.9", and >= (2, 13) (PEP 440).

    >>> from lightwell.torch_version import TorchVersion
    >>> v = TorchVersion("2.13.0+lightwell.0.1.0")
    >>> v > "2.9", v >= (2, 13), v < (3,)
    (True, True, True)
    """

    __hash__ = str.__hash__

    def _compare(self, other, way):
        try:
            return way(_key(self), _key(other))
        except builtins.ValueError:
            return way(str(self), str(other))

    def __lt__(self, other):
        return self._compare(other, lambda a, b: a < b)

    def __le__(self, other):
        return self._compare(other, lambda a, b: a <= b)

    def __gt__(self, other):
        return self._compare(other, lambda a, b: a > b)

    def __ge__(self, other):
        return self._compare(other, lambda a, b: a >= b)

    def __eq__(self, other):
        return str.__eq__(self, other) is True or self._compare(other, lambda a, b: a == b)

    def __ne__(self, other):
        return not self == other
