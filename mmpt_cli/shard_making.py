"""``mmpt shards captions``, ``tokenise`` and ``pack``: from captions and single features to shards."""

import argparse
from typing import TYPE_CHECKING

from mmpt.store import caption_dedup
from mmpt.store.pack import pack_features
from mmpt.store.sources import open_features
from mmpt.utils.logging import get_logger
from mmpt.utils.parallel import core_count
from mmpt.utils.units import parse_bytes
from mmpt_cli.parser import CommandParser

__all__ = ["add_captions", "add_pack", "add_tokenise"]

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[CommandParser]

_CAPTIONS = """Remove the repeats in captions: a caption often begins with the end of the one before.

A run that was stopped is continued. <target>_report.json names the videos that could not be used."""
_PACK = """Pack the features of single videos into numbered shards.

Videos of a list without usable features are counted, named in <split>_pack_report.json, and give
exit code 1 unless --allow_missing is set; the others are packed all the same."""
_TOKENISE = """Tokenise captions into shards beside the video shards. Shards that are there are left alone."""
_FEW = 10

logger = get_logger(__name__)


def add_captions(commands: "Commands") -> None:
    """Add the command that cleans captions."""
    parser = commands.add_parser(
        "captions",
        help="remove repeats from raw captions",
        description=_CAPTIONS,
        example="mmpt shards captions --how2dir data/how2",
    )
    caption_dedup.add_arguments(parser)
    parser.set_defaults(run=caption_dedup.dedup_files)


def add_pack(commands: "Commands") -> None:
    """Add the command that packs features."""
    parser = commands.add_parser(
        "pack",
        help="features of single videos to shards",
        description=_PACK,
        example="mmpt shards pack --fdir data/feat/mine --sdir data/feat/mine_shards --lists '{split}.lst'",
    )
    add = parser.add_argument
    add("--fdir", default="data/feat/feat_how2_s3d", help="folder of <id>.npy, or an HDF5 file or LMDB")
    add("--sdir", default="data/feat/feat_how2_s3d_shard_small", help="folder of the shards")
    add("--lists", default="data/how2/how2_s3d_{split}.lst", help="id lists; {split} is replaced")
    add("--splits", default="train,val", help="splits, separated by commas")
    add("--shard_size", type=int, default=4096, help="videos in a shard")
    add("--shard_bytes", type=parse_bytes, help="most bytes of a shard, such as 2G, in place of --shard_size")
    add("--dtype", default="float16", choices=["float16", "float32"], help="numbers in the shards")
    add("--dim", type=int, help="width of a feature; default: that of the first one")
    add("--key", help="name of the array, where the features of a video are several")
    add("--allow_missing", action="store_true", help="exit code 0 even if videos have no features")
    parser.set_defaults(run=_pack)


def _pack(options: argparse.Namespace) -> int:
    left_out = 0
    features = open_features(options.fdir, options.key)
    for split in options.splits.split(","):
        path = options.lists.replace("{split}", split)
        report = pack_features(
            path,
            features,
            options.sdir,
            split,
            options.shard_size,
            options.dtype,
            options.dim,
            options.shard_bytes,
        )
        left_out += len(report.missing) + len(report.unusable)
        logger.info(
            "%s: %d videos in shards, %d without features, %d with unusable features, %d listed twice",
            split,
            report.packed,
            len(report.missing),
            len(report.unusable),
            len(report.repeated),
        )
        for video_id in report.missing[:_FEW]:
            logger.warning("%s: no features in %s", video_id, options.fdir)
        for video_id, reason in list(report.unusable.items())[:_FEW]:
            logger.warning("%s: %s", video_id, reason)
    return 1 if left_out and not options.allow_missing else 0


def add_tokenise(commands: "Commands") -> None:
    """Add the command that tokenises captions."""
    parser = commands.add_parser(
        "tokenise",
        help="captions to shards of tokens",
        description=_TOKENISE,
        example="mmpt shards tokenise scripts/text_token_extractor/configs/bert-base-uncased.yaml",
    )
    add = parser.add_argument
    add("config", help="YAML file with a section dataset: bert_name, vfeat_dir, caption_path")
    add(
        "--num_workers", type=int, default=core_count(), help="processes (default: one per core, %(default)s)"
    )
    parser.set_defaults(run=_tokenise)


def _tokenise(options: argparse.Namespace) -> int:
    from mmpt.store.pretokenize import caption_prefix, pretokenize, read_config

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
