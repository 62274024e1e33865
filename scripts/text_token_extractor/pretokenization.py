"""Tokenise captions into shards beside the video shards: ``pretokenization.py CONFIG.yaml``."""

import argparse
import logging
from collections.abc import Sequence

from mmpt.store.pretokenize import caption_prefix, pretokenize, read_config
from mmpt.utils.command import run_command
from mmpt.utils.parallel import core_count

logger = logging.getLogger("pretokenization")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="YAML file with a section dataset: bert_name, vfeat_dir, caption_path")
    parser.add_argument(
        "--num_workers", type=int, default=core_count(), help="processes (default: one per core, %(default)s)"
    )
    options = parser.parse_args(arguments)
    config = read_config(options.config)
    report = pretokenize(config, options.num_workers)
    if report.videos == 0:
        logger.info("%s: every shard is there already", caption_prefix(config))
        return 0
    missing = report.without_captions
    logger.info(
        "%s: %d videos, %d captions, %d of them cut, %d videos without captions%s",
        caption_prefix(config),
        report.videos,
        report.captions,
        report.cut,
        len(missing),
        f" (the first is '{missing[0]}')" if missing else "",
    )
    return 0


if __name__ == "__main__":
    run_command(main)
