"""PyTorch's module path of activation checkpointing wrappers."""
