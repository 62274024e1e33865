"""Shared fixtures: golden cases, the tiny BERT they use, and a guard against the network."""

import os
from pathlib import Path

import pytest

# Before any test imports transformers: nothing may look for a hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the golden cases."""
    return GOLDEN


@pytest.fixture(scope="session")
def tiny_bert() -> Path:
    """Folder of a 3-layer BERT with 159 words."""
    return GOLDEN / "bert"
