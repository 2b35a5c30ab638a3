"""Automatic differentiation: nodes, the engine, modes, and the user's entrances to them."""
