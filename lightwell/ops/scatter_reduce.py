"""What falls on one place, multiplied or compared: the records behind scatter_reduce."""

from .op import op


def _others(xp, v, zeros, total):
    """The product of all factors of a place but v: total/v, and around zeros what is left."""
    none = xp.zeros_like(total)
    safe = xp.where(v == 0, xp.ones_like(v), v)
    return xp.where(v == 0, xp.where(zeros == 1, total, none), xp.where(zeros == 0, total / safe, none))


@op
class scatter_prod_:
    r"""y = x·∏ v over what falls on the place.   gx = gy·(the product without x);   gv = gy·(the product without that v)."""

    promotes = False
    node_name = "ScatterReduceBackward0"

    def forward(xp, x, index, v, /, dim):
        return xp.scatter_prod(x, index, v, axis=dim)

    def grads(xp, needed, gy, x, index, v, dim):
        one, many = xp.ones_like(x), xp.ones_like(v)
        total = xp.scatter_prod(xp.where(x == 0, one, x), index, xp.where(v == 0, many, v), axis=dim)
        zeros = xp.scatter_add(xp.where(x == 0, one, xp.zeros_like(x)), index, xp.where(v == 0, many, xp.zeros_like(v)), axis=dim)
        gx = gy * _others(xp, x, zeros, total) if needed[0] else None
        at = lambda a: xp.take_along_axis(a, index, axis=dim)
        return gx, None, at(gy) * _others(xp, v, at(zeros), at(total)) if needed[2] else None


@op
class scatter_extreme_:
    r"""y = the largest (smallest) of x and the v that fall on the place.   gy is shared equally by those that are equal to y."""

    promotes = False
    node_name = "ScatterReduceBackward0"

    def forward(xp, x, index, v, /, dim, largest):
        return xp.scatter_extreme(x, index, v, axis=dim, largest=largest)

    def grads(xp, needed, gy, x, index, v, y, dim):
        at = lambda a: xp.take_along_axis(a, index, axis=dim)
        mine = xp.where(x == y, xp.ones_like(x), xp.zeros_like(x))
        theirs = xp.where(v == at(y), xp.ones_like(v), xp.zeros_like(v))
        share = gy / xp.scatter_add(mine, index, theirs, axis=dim)
        return share * mine if needed[0] else None, None, at(share) * theirs if needed[2] else None
