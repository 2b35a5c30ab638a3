"""Rows of a table by their numbers: the record behind embeddings."""

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
