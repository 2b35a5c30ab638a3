"""Terms, and what derivations are made of."""
