"""Rows of a table by their numbers: the record behind embeddings."""

import numpy as np

from ..autograd.node import Node, tick
from ..tensor import wrap
from .op import op


@op
class embedding_:
    r"""y[i…] = w[index[i…]].   gw adds gy up where rows were taken from; `scale` (an array like index, or None) weights the
    rows of the gradient: 0 for the padding row, 1/frequency where asked for."""

    def forward(xp, w, /, index, scale):
        return xp.take(w, index, 0)

    def grad_w(xp, gy, w_shape, index, scale):
        if scale is not None:
            gy = gy * scale
        return xp.index_add(w_shape, (index,), gy)


@op
class embedding_bag_:
    r"""y[b] = Σ coefᵢ·w[indexᵢ] over the entries i of bag b.   gw[indexᵢ] += coefᵢ·scaleᵢ·gy[bagᵢ];   gcoefᵢ = w[indexᵢ]·gy[bagᵢ]."""

    promotes = False
    node_name = "EmbeddingBagBackward0"
    outputs = ("y",)

    def forward(xp, w, coef, /, index, bag, bags, scale):
        rows = xp.take(w, index, 0) * xp.expand_dims(coef, 1)
        return xp.index_add((bags, w.shape[1]), (bag,), rows)

    def grad_w(xp, gy, w_shape, coef, index, bag, scale):
        rows = xp.take(gy, bag, 0) * xp.expand_dims(coef, 1)
        return xp.index_add(w_shape, (index,), rows if scale is None else rows * scale)

    def grad_coef(xp, gy, w, index, bag):
        return xp.sum(xp.take(gy, bag, 0) * xp.take(w, index, 0), axis=1)


class EmbeddingBackward0(Node):
    """The rows' gradients, handed to a leaf as they are: a sparse tensor with an entry for each row taken. Dense for anything else."""

    __slots__ = ()

    def name(self) -> str:
        """The name that PyTorch gives it."""
        return "EmbeddingBackward0"

    def pull(self, g, create_graph):
        """The sparse gradient; dense on the way to another node, and where it must carry a graph."""
        if self.saved is None:
            from ..autograd.saved import freed

            raise freed(self)
        index, shape, keep = self.saved
        if create_graph:
            rows = g.reshape(index.size, *shape[1:])[wrap(keep)]
            return [g.new_zeros(shape).index_add(0, wrap(index[keep]), rows)]
        rows = g.reshape(index.size, *shape[1:])[keep]
        if isinstance(self.edges[0], Node):
            out = np.zeros(shape, g.dtype)
            np.add.at(out, index[keep], rows)
            return [out]
        from ..sparse.coordinates import coo

        return [coo(index[keep][None], wrap(rows), shape, False)]


def sparse_rows(y, weight, index, padding):
    """`y`, the rows of `weight` with the numbers `index`, in the graph by a node that gives `weight` a sparse gradient."""
    if not y._rg:
        return y
    node = object.__new__(EmbeddingBackward0)
    index = index.reshape(-1).astype(np.int64)
    keep = np.ones(index.size, bool) if padding is None else index != padding
    node.edges, node.saved, node.cells = (weight._node or weight,), (index, weight._a.shape, keep), ()
    node.fit = node.extra = None
    node.seq = tick()
    y._node = node
    return y
