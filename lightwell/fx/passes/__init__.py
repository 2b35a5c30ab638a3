"""Passes over graphs: shapes of every value, pictures, splitting."""

from . import graph_drawer, shape_prop, split_module

__all__ = ["graph_drawer", "shape_prop", "split_module"]
