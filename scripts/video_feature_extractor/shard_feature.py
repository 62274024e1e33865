"""Pack the features of single videos into numbered shards: ``shard_feature.py``.

Without options it packs ``data/feat/feat_how2_s3d/*.npy`` by ``data/how2/how2_s3d_{train,val}.lst``.
Videos of a list without usable features are counted, named in ``<split>_pack_report.json``, and give
exit code 1 unless ``--allow_missing`` is set; the others are packed all the same.
"""

import argparse
import logging
from collections.abc import Sequence

from mmpt.store.pack import pack_features
from mmpt.store.sources import open_features
from mmpt.utils.command import run_command
from mmpt.utils.units import parse_bytes

logger = logging.getLogger("shard_feature")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
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
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
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
        for video_id in report.missing[:10]:
            logger.warning("%s: no features in %s", video_id, options.fdir)
        for video_id, reason in list(report.unusable.items())[:10]:
            logger.warning("%s: %s", video_id, reason)
    return 1 if left_out and not options.allow_missing else 0


if __name__ == "__main__":
    run_command(main)
