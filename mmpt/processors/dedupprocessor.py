"""Caption de-duplication under the name that users know; it is in :mod:`mmpt.store.caption_dedup`."""

from mmpt.store.caption_dedup import CaptionDedupProcessor, main
from mmpt.utils.command import run_command

__all__ = ["CaptionDedupProcessor", "main"]

if __name__ == "__main__":
    run_command(main)
