"""Transformations that PyTorch keeps under this name."""
