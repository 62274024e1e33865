"""Features and captions in shards: pack, tokenise, verify, repair, convert and count them.

The first three make shards, in this order; the others look after them. Exit code 1 means that something
is wrong with the shards, or that a video was left out.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmpt.errors import ConfigError
from mmpt.store.convert import PerSecond, convert_features
from mmpt.store.pack import pack_features
from mmpt.store.repair import repair_shards
from mmpt.store.sources import open_features
from mmpt.store.verify import Verification, verify_shards
from mmpt.utils.command import run_command
from mmpt.utils.files import write_json
from mmpt.utils.units import format_bytes, parse_bytes
from mmpt_cli.parser import CommandParser
from mmpt_cli.shard_making import add_captions, add_pack, add_tokenise

__all__ = ["main", "make_parser"]

_FEW = 10


def make_parser(prog: str = "mmpt shards") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt shards verify data/feat/feat_how2_s3d_shard_small")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (add_captions, add_pack, add_tokenise, _add_verify, _add_repair, _add_convert, _add_stat):
        add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = make_parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _add_verify(commands: "argparse._SubParsersAction[CommandParser]") -> None:
    parser = commands.add_parser(
        "verify",
        help="check sizes, starts, ids and checksums of all shards",
        example="mmpt shards verify data/shards",
    )
    parser.add_argument("folder", help="folder of the shards (vfeat_dir)")
    parser.add_argument(
        "--threads", type=int, help="shards read at a time (default: one per core, 8 at most)"
    )
    parser.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    return _print(verify_shards(options.folder, threads=options.threads))


def _print(result: Verification) -> int:
    for problem in result.problems:
        print(problem)
    unchecked = f", {result.without_checksum} of them without a checksum" if result.without_checksum else ""
    print(
        f"{result.files} files with {result.items} items, {format_bytes(result.bytes)} compared"
        f"{unchecked}: {len(result.problems)} problems"
    )
    return 1 if result.problems else 0


def _add_repair(commands: "argparse._SubParsersAction[CommandParser]") -> None:
    parser = commands.add_parser(
        "repair",
        help="make the broken shards again, and only those",
        example="mmpt shards repair data/shards --fdir data/features",
    )
    add = parser.add_argument
    add("folder", help="folder of the shards (vfeat_dir)")
    add("--fdir", help="what the video shards were packed from: a folder of <id>.npy, HDF5 or LMDB")
    add("--key", help="name of the array, where the features of a video are several")
    add("--captions", metavar="CONFIG.yaml", help="what the token shards were made with")
    add("--remove_extra", action="store_true", help="delete array files that belong to no set")
    parser.set_defaults(run=_repair)


def _repair(options: argparse.Namespace) -> int:
    from mmpt.store.pretokenize import read_config

    report = repair_shards(
        options.folder,
        open_features(options.fdir, options.key) if options.fdir else None,
        read_config(options.captions) if options.captions else None,
        options.remove_extra,
    )
    for name in report.rebuilt:
        changed = "; its features have changed since it was packed" if name in report.changed else ""
        print(f"{name} was made again{changed}")
    for path in report.removed:
        print(f"{path} was deleted")
    for reason in report.unrepaired:
        print(f"not repaired: {reason}")
    return _print(report.after)


def _add_convert(commands: "argparse._SubParsersAction[CommandParser]") -> None:
    parser = commands.add_parser(
        "convert",
        help="features of another project to single files or shards",
        example="mmpt shards convert features.hdf5 --key s3d --seconds 1.5 --fdir data/features",
    )
    add = parser.add_argument
    add("source", help="folder of .npy, .npz, .pt or .pth files, HDF5 file, or LMDB")
    add("--key", help="name of the array, where the features of a video are several")
    add("--seconds", type=float, default=1.0, help="seconds that one row stands for (default: 1)")
    add("--extractor", help="the network that made the features, for the record")
    add("--dtype", default="float16", choices=["float16", "float32"], help="numbers in what is written")
    add("--fdir", help="write single files <id>.npy into this folder")
    add("--sdir", help="write shards into this folder")
    add("--split", default="train", help="split of the shards (default: train)")
    add("--list", help="ids for the shards, one per line (default: all)")
    add("--shard_size", type=int, default=4096, help="videos in a shard")
    add("--shard_bytes", type=parse_bytes, help="most bytes of a shard, such as 2G, in place of --shard_size")
    parser.set_defaults(run=_convert)


def _convert(options: argparse.Namespace) -> int:
    if bool(options.fdir) == bool(options.sdir):
        raise ConfigError("Say where to: either --fdir (single files) or --sdir (shards).")
    if not options.seconds > 0:
        raise ConfigError(f"--seconds must be above 0, got {options.seconds:g}.")
    made = {"extractor": options.extractor} if options.extractor else {}
    source = PerSecond(open_features(options.source, options.key), options.seconds, made)
    if options.fdir:
        report = convert_features(source, options.fdir, options.dtype)
        print(f"{report.done} videos converted, {report.skipped} there before, {len(report.failed)} failed")
        return _print_failures(report.failed)
    packed = pack_features(
        options.list,
        source,
        options.sdir,
        options.split,
        options.shard_size,
        options.dtype,
        shard_bytes=options.shard_bytes,
    )
    print(f"{packed.packed} videos in shards")
    return _print_failures(dict.fromkeys(packed.missing, f"not in {source}") | packed.unusable)


def _print_failures(failed: dict[str, str]) -> int:
    for video_id, reason in list(failed.items())[:_FEW]:
        print(f"{video_id}: {reason}")
    if len(failed) > _FEW:
        print(f"... and {len(failed) - _FEW} more, in the report beside the output")
    return 1 if failed else 0


def _add_stat(commands: "argparse._SubParsersAction[CommandParser]") -> None:
    parser = commands.add_parser(
        "stat",
        help="count and draw what is in the shards",
        example="mmpt shards stat data/shards --html statistics.html",
    )
    add = parser.add_argument
    add("folder", help="folder of the shards (vfeat_dir)")
    add("--tfeat_dir", help="prefix of the token shards (default: those in the folder)")
    add("--bert_name", help="tokenizer, to count words (default: the one that made the token shards)")
    add("--sample", type=int, default=1000, help="videos of a split whose vectors are read; 0 for all")
    add("--html", help="the page (default: statistics.html in the folder)")
    add("--json", help="everything as JSON, with all ids of what is suspicious (default: beside the page)")
    parser.set_defaults(run=_stat)


def _stat(options: argparse.Namespace) -> int:
    from mmpt.store.statistics.collect import collect
    from mmpt.store.statistics.page import write_page
    from mmpt.store.statistics.view import facts, to_json

    if options.sample < 0:
        raise ConfigError(f"--sample must be a number of videos, or 0 for all, got {options.sample}.")
    splits = collect(options.folder, options.tfeat_dir, options.bert_name, options.sample)
    for split in splits:
        print(f"\n{split.split}")
        for fact in facts(split):
            print(f"  {fact.name:24s} {fact.value:>20s}   {fact.note}")
        for reason, ids in split.suspicious.items():
            videos = "video" if len(ids) == 1 else "videos"
            print(f"  {len(ids)} {videos} {reason}: {', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''}")
    page = write_page(options.html or Path(options.folder) / "statistics.html", options.folder, splits)
    data = Path(options.json) if options.json else page.with_suffix(".json")
    write_json(data, to_json(splits))
    print(f"\nwrote {page} and {data}")
    return 0


if __name__ == "__main__":
    run_command(main)
