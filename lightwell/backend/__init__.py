"""What stands behind `xp`: one module per kind of array, each offering the names of `vocabulary.py`."""
