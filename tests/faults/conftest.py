"""These tests run scripts that import torch in this process."""

import pytest


@pytest.fixture(autouse=True)
def _scripts(pytorch_hidden):
    yield
