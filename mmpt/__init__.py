"""mmpt: video-language pre-training (VideoCLIP, VLM) as a fairseq ``--user-dir`` package.

Importing ``mmpt`` is cheap on purpose: it loads neither torch, fairseq nor any model, so that
the launcher and the validators start at once. Public names live in the sub-packages
(``mmpt.models``, ``mmpt.processors``, ``mmpt.losses``, ``mmpt.tasks``, ``mmpt.utils`` ...).
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
