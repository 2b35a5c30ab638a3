"""``lightwell version``: what runs here."""


def add_arguments(parser):
    """None are needed."""


def run(options) -> int:
    """Print the versions of lightwell, NumPy and Python."""
    import platform

    import numpy

    import lightwell

    print(f"lightwell {lightwell.__version__} (NumPy {numpy.__version__}, Python {platform.python_version()})")
    return 0
