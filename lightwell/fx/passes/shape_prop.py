"""ShapeProp: run a graph once and note the shape and dtype of every value."""

from typing import Any, NamedTuple

from ...tensor import Size, Tensor
from ..interpreter import Interpreter
from ..node import Node, map_aggregate

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(NamedTuple):
    """What is known of a tensor without its values."""

    shape: Size
    dtype: Any
    requires_grad: bool
    stride: tuple
    memory_format: Any
    is_quantized: bool
    qparams: dict


def _extract_tensor_metadata(result: Tensor, include_contiguity: bool = True) -> TensorMetadata:
    from ...layouts import contiguous_format

    form = contiguous_format if include_contiguity and result.is_contiguous() else None
    return TensorMetadata(result.shape, result.dtype, result.requires_grad, tuple(result.stride()), form, False, {})


class ShapeProp(Interpreter):
    """Runs the graph and leaves `meta["tensor_meta"]` (and `meta["type"]`) on every node.

    >>> import lightwell as torch
    >>> from lightwell.fx.passes.shape_prop import ShapeProp
    >>> m = torch.fx.symbolic_trace(torch.nn.Linear(2, 3))
    >>> _ = ShapeProp(m).propagate(torch.ones(5, 2))
    >>> m.graph.output_node().meta["tensor_meta"].shape
    torch.Size([5, 3])
    """

    def __init__(self, gm, fake_mode=None):
        super().__init__(gm)

    def run_node(self, n: Node):
        """A node's result, noted."""
        result = super().run_node(n)
        found = False

        def note(value):
            nonlocal found
            if isinstance(value, Tensor):
                found = True
                return _extract_tensor_metadata(value)
            return value

        meta = map_aggregate(result, note)
        if found:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args):
        """Run the graph on these inputs; returns its result."""
        return super().run(*args)
