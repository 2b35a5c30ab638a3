"""Algorithms on top of process groups: uneven inputs (`join`), communication hooks, activation checkpointing wrappers."""
