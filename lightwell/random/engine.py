"""PyTorch's CPU generator: the Mersenne Twister, its 5056-byte state, and the one cached normal."""

import os
import sys
from typing import Any

import numpy as np

from ..errors.teaching import RuntimeError, TypeError, ValueError

DEFAULT_SEED = 67280421310721
_STATE_BYTES = 5056
_LAYOUT = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "key", "normal_y", "normal_valid", "float_normal", "float_valid"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", (624,)), "<f8", "<i4", "<f4", "u1"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040, 5048, 5052],
        "itemsize": _STATE_BYTES,
    }
)
_MASK53 = np.uint64(2**53 - 1)
_ALL64 = 2**64 - 1

# Native code draws ten times as quickly as NumPy. It is used from `_LEAST` numbers on, below which a call costs more than it saves;
# and once `_ENOUGH` numbers have been drawn without it, or LLVM is there anyway: loading it takes as long as some millions of draws.
_LEAST, _ENOUGH = 1024, 16_000_000
_streams: Any = None  # compile.streams once it was tried; False where it is of no use
_drawn = 0


def streams(n: int, weight: int = 1) -> Any:
    """compile.streams if it can and should draw n numbers, each of which would take NumPy `weight` times a plain one's time; else None."""
    global _streams, _drawn
    if n * weight < _LEAST or os.environ.get("LIGHTWELL_NATIVE") == "0":
        return None
    if _streams is None:
        _drawn += n * weight
        if _drawn < _ENOUGH and "llvmlite.binding" not in sys.modules:
            return None
        from ..compile import streams as module

        _streams = module if module.usable() else False
    return _streams or None


class Generator:
    r"""A source of pseudo-random numbers whose streams are those of PyTorch's CPU generator, bit for bit.

    .. math:: x_{k+n} = x_{k+m} \oplus (x_k^u \mid x_{k+1}^l) A

    Args:
        device: only "cpu" has a generator of its own; anything else raises RuntimeError.

    Example::

        >>> import lightwell as torch
        >>> g = torch.Generator().manual_seed(0)
        >>> g.initial_seed()
        0

    Matsumoto and Nishimura (1998), Mersenne Twister.
    """

    _wrap = staticmethod(lambda array: array)  # set from above, so that states are tensors to the user

    def __init__(self, device="cpu"):
        name = getattr(device, "type", device)
        if str(name).split(":")[0] != "cpu":
            raise RuntimeError(f"Generator: device must be 'cpu', got {device!r}; there is one kind of generator here")
        self._seed = DEFAULT_SEED
        self._bits = None  # built on the first draw: a module's default generator costs nothing to import
        self._fresh = True
        self._normal = None
        self._float_normal = None

    # -- seeding -------------------------------------------------------------------------------------------------

    def manual_seed(self, seed) -> "Generator":
        """Start the stream of `seed`, an integer in [-2**63, 2**64); a negative seed stands for seed + 2**64.

        Raises RuntimeError when it is no integer, ValueError when it is out of range.
        """
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"Overflow when unpacking long long: seed {seed} is not in [-2**63, 2**64)")
        self._seed = seed & _ALL64
        self._bits = None
        self._fresh = True
        self._normal = self._float_normal = None
        return self

    def seed(self) -> int:
        """Seed from the operating system's entropy, and return that seed."""
        seed = int.from_bytes(os.urandom(8), "little") & (2**53 - 1)
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """Return the seed in force."""
        return self._seed

    @property
    def device(self):
        """The device of the numbers drawn: always the CPU."""
        from ..device import device

        return device("cpu")

    # -- words ---------------------------------------------------------------------------------------------------

    def _engine(self):
        """NumPy's Generator over our Mersenne Twister, built if it isn't yet."""
        if self._bits is None:
            bits = np.random.MT19937(0)
            np.random.RandomState(bits).seed(self._seed & 0xFFFFFFFF)
            self._adopt(bits)
        return self._source

    def _adopt(self, bits):
        """Take over a NumPy bit generator."""
        self._bits = bits
        self._source = np.random.Generator(bits)

    def words(self, n: int) -> np.ndarray:
        """The next n 32-bit words, as uint32."""
        source = self._engine()
        if n:
            self._fresh = False
        if (native := streams(n)) is not None:
            return native.draw(self, "words", n, np.uint32)
        if n < 128:  # less to set up
            return self._bits.random_raw(n).astype(np.uint32)
        return source.integers(0, 0xFFFFFFFF, n, dtype=np.uint32, endpoint=True)

    def words64(self, n: int) -> np.ndarray:
        """The next n 64-bit words, each of two draws, the high half first, as uint64."""
        source = self._engine()
        if n:
            self._fresh = False
        if (native := streams(n)) is not None:
            return native.draw(self, "words64", n, np.uint64)
        if n < 64:
            pairs = self._bits.random_raw(2 * n)
            return (pairs[::2] << np.uint64(32)) | pairs[1::2]
        return source.integers(0, _ALL64, n, dtype=np.uint64, endpoint=True)

    def floats(self, n: int) -> np.ndarray:
        """n float32 in [0, 1): the low 24 bits of a word each."""
        if (native := streams(n)) is not None:
            return native.draw(self, "floats", n, np.float32)
        if n <= 32768:
            w = self.words(n)
            w &= np.uint32(0xFFFFFF)
            return w.view(np.int32).astype(np.float32) * np.float32(2.0**-24)
        out = np.empty(n, np.float32)
        for start in range(0, n, 32768):  # in pieces that stay in the cache
            w = self.words(min(32768, n - start))
            w &= np.uint32(0xFFFFFF)
            piece = out[start : start + 32768]
            piece[...] = w.view(np.int32)
            piece *= np.float32(2.0**-24)
        return out

    def doubles(self, n: int) -> np.ndarray:
        """n float64 in [0, 1): the low 53 bits of two words each."""
        if (native := streams(n)) is not None:
            return native.draw(self, "doubles", n, np.float64)
        if n <= 16384:
            return self.masked53(n).view(np.int64).astype(np.float64) * 2.0**-53
        out = np.empty(n, np.float64)
        for start in range(0, n, 16384):
            w = self.words64(min(16384, n - start))
            w &= _MASK53
            piece = out[start : start + 16384]
            piece[...] = w.view(np.int64)
            piece *= 2.0**-53
        return out

    def masked53(self, n: int) -> np.ndarray:
        """The integers behind `doubles`, as uint64."""
        w = self.words64(n)
        w &= _MASK53
        return w

    # -- state ---------------------------------------------------------------------------------------------------

    def _get_state_array(self) -> np.ndarray:
        """The state as PyTorch lays it out: 5056 bytes."""
        self._engine()
        inner = self._bits.state["state"]
        out = np.zeros((), _LAYOUT)
        out["seed"], out["seeded"], out["key"] = self._seed, 1, inner["key"]
        position = int(inner["pos"])
        out["left"] = 625 - position
        out["next"] = 0 if self._fresh else position
        if self._normal is not None:
            out["normal_valid"], out["normal_y"] = 1, self._normal
        if self._float_normal is not None:
            out["float_valid"], out["float_normal"] = 1, self._float_normal
        return np.frombuffer(bytearray(out.tobytes()), np.uint8)

    def _set_state_array(self, state: np.ndarray) -> None:
        """Continue from the state in those 5056 bytes."""
        state = np.ascontiguousarray(state)
        if state.dtype != np.uint8:
            raise TypeError(f"set_state: RNG state must be a torch.ByteTensor, got {state.dtype}")
        if state.size != _STATE_BYTES:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {_STATE_BYTES} but found the input RNG state size to be {state.size}"
            )
        s = np.frombuffer(state.tobytes(), _LAYOUT)[0]
        left, following = int(s["left"]), int(s["next"])
        if not s["seeded"] or not 0 < left <= 624 or following > 624 or (left > 1 and left + following != 625):
            raise RuntimeError(f"Invalid mt19937 state: left={left}, next={following}")
        bits = np.random.MT19937(0)
        # a state with one word left twists before the next draw, wherever `next` points
        bits.state = {
            "bit_generator": "MT19937",
            "state": {"key": s["key"].astype(np.uint32), "pos": 624 if left == 1 else following},
        }
        self._adopt(bits)
        self._seed = int(s["seed"])
        self._fresh = left == 1 and following == 0
        self._normal = float(s["normal_y"]) if s["normal_valid"] else None
        self._float_normal = float(s["float_normal"]) if s["float_valid"] else None

    def get_state(self):
        """Return the state as a uint8 tensor of 5056 bytes, in PyTorch's own layout."""
        return Generator._wrap(self._get_state_array())

    def set_state(self, new_state) -> None:
        """Restore a state that `get_state` returned, here or in PyTorch.

        Raises TypeError when it is no byte tensor, RuntimeError when it has another size or is not a valid state.
        """
        if not hasattr(new_state, "__array__"):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        self._set_state_array(np.asarray(new_state))

    def clone_state(self) -> "Generator":
        """Return a new generator that continues from the same state."""
        other = Generator()
        other._set_state_array(self._get_state_array())
        return other

    graphsafe_get_state = clone_state

    def graphsafe_set_state(self, state: "Generator") -> None:
        """Continue from another generator's state."""
        self._set_state_array(state._get_state_array())

    def get_offset(self) -> int:
        """Raise RuntimeError: only counter-based generators have an offset."""
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset) -> None:
        """Raise RuntimeError: only counter-based generators have an offset."""
        raise RuntimeError("CPU Generator does not use offset")

    def __getstate__(self):
        return self._get_state_array().tobytes()

    def __setstate__(self, state):
        self.__init__()
        self._set_state_array(np.frombuffer(state, np.uint8))


def _fresh_default() -> Generator:
    """The generator that functions use when none is named, seeded by chance."""
    generator = Generator()
    generator.seed()
    return generator


default_generator = _fresh_default()
