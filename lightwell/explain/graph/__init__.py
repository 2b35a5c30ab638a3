"""Graph pictures: what ran forward, beside what runs backward. `graph` makes them, `make_dot` speaks torchviz's language."""

from ..._lazy import callable_as
from .dot import make_dot
from .front import graph
from .picture import Picture

__all__ = ["Picture", "graph", "make_dot"]

callable_as(__name__, graph)
