"""How long things may take."""

from datetime import timedelta

default_pg_timeout = timedelta(minutes=30)
"""How long a collective waits for the other ranks."""

default_store_timeout = timedelta(minutes=5)
"""How long a store waits for a key."""
