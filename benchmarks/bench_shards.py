"""Windows of 32 seconds per second out of six layouts of the same features, cached and from cold disk.

The variants run in turns over random windows. Cached: processor time of the best round, so that other
work on the machine plays no part. Cold: the files are dropped from the system's cache before every
round, and the middle of the rounds is taken. Compared with a bare numpy memory map over the same
shards, whose offsets are known beforehand. Packing and checking the shards is timed, too.
Run: python -m benchmarks.bench_shards
"""

import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import h5py
import lmdb
import numpy as np

from mmpt.store.pack import pack_features
from mmpt.store.shards import ReadMode, ShardReader
from mmpt.store.verify import verify_shards
from mmpt.utils import ShardedTensor

VIDEOS, SECONDS, WIDTH, WINDOW = 384, 400, 512, 32
SHARD_SIZE = 128
CACHED_ROUNDS, CACHED_WINDOWS = 7, 1000
COLD_ROUNDS, COLD_WINDOWS, BATCH = 3, 192, 32

Window = tuple[int, int]
"""(number of the video, first second)."""
Read = Callable[[list[Window]], None]


def write_world(folder: Path) -> None:
    """Write the features as single files, HDF5 and LMDB."""
    rng = np.random.default_rng(0)
    (folder / "npy").mkdir()
    with (
        h5py.File(folder / "all.h5", "w") as file,
        lmdb.open(str(folder / "lmdb"), map_size=2**31) as environment,
        environment.begin(write=True) as transaction,
    ):
        for video in range(VIDEOS):
            rows = rng.integers(0, 2**10, (SECONDS, WIDTH)).astype(np.float16)
            np.save(folder / f"npy/{video:04d}.npy", rows)
            file[f"{video:04d}"] = rows
            transaction.put(f"{video:04d}".encode(), rows.tobytes())


def each(read: Callable[[int, int], np.ndarray]) -> Read:
    """Read windows one by one; each is copied, so that its pages are touched."""

    def run(windows: list[Window]) -> None:
        for video, start in windows:
            np.array(read(video, start))

    return run


@contextmanager
def bare_map(folder: Path) -> Iterator[Read]:
    maps = [np.load(path, mmap_mode="r") for path in data_files(folder)]

    def read(video: int, start: int) -> np.ndarray:
        first = video % SHARD_SIZE * SECONDS + start
        return maps[video // SHARD_SIZE][first : first + WINDOW]

    yield each(read)


@contextmanager
def single_files(folder: Path) -> Iterator[Read]:
    yield each(
        lambda video, start: np.load(folder / f"npy/{video:04d}.npy", mmap_mode="r")[start : start + WINDOW]
    )


@contextmanager
def hdf5(folder: Path) -> Iterator[Read]:
    with h5py.File(folder / "all.h5") as file:
        yield each(lambda video, start: file[f"{video:04d}"][start : start + WINDOW])


@contextmanager
def records(folder: Path) -> Iterator[Read]:
    with (
        lmdb.open(str(folder / "lmdb"), readonly=True, lock=False, readahead=False) as environment,
        environment.begin(buffers=True) as transaction,
    ):

        def read(video: int, start: int) -> np.ndarray:
            record = transaction.get(f"{video:04d}".encode())
            return np.frombuffer(record, np.float16).reshape(SECONDS, WIDTH)[start : start + WINDOW]

        yield each(read)


@contextmanager
def opened_per_item(folder: Path) -> Iterator[Read]:
    def read(video: int, start: int) -> np.ndarray:
        shard = ShardedTensor.load(folder / f"shards/train_{video // SHARD_SIZE}", mmap_mode="r")
        return shard[video % SHARD_SIZE][start : start + WINDOW]

    yield each(read)


def reader(mode: ReadMode) -> Callable[..., AbstractContextManager[Read]]:
    @contextmanager
    def opened(folder: Path) -> Iterator[Read]:
        shards = ShardReader.videos(folder / "shards", "train", mode)
        yield each(lambda video, start: shards.read(*divmod(video, SHARD_SIZE), start, start + WINDOW))

    return opened


def whole_videos(announced: bool) -> Callable[..., AbstractContextManager[Read]]:
    """Read all seconds of the videos, as a training item does, in batches that are announced or not."""

    @contextmanager
    def opened(folder: Path) -> Iterator[Read]:
        shards = ShardReader.videos(folder / "shards", "train", "pread")

        def run(windows: list[Window]) -> None:
            places = [divmod(video, SHARD_SIZE) for video, _ in windows]
            for first in range(0, len(places), BATCH):
                batch = places[first : first + BATCH]
                if announced:
                    shards.prefetch(batch)
                for place in batch:
                    shards.read(*place)

        yield run

    return opened


BARE = "bare numpy memory map"
LAYOUTS: dict[str, Callable[..., AbstractContextManager[Read]]] = {
    BARE: bare_map,
    "one .npy per video, mapped": single_files,
    "HDF5": hdf5,
    "LMDB": records,
    "shards opened for every item": opened_per_item,
    "shards, positional reads": reader("pread"),
    "shards, memory map": reader("mmap"),
}
ONE_BY_ONE, ANNOUNCED = "one by one", f"in batches of {BATCH} announced before"
WHOLE = {ONE_BY_ONE: whole_videos(False), ANNOUNCED: whole_videos(True)}


def data_files(folder: Path) -> list[Path]:
    return [folder / f"shards/train_{n}_data.npy" for n in range(-(-VIDEOS // SHARD_SIZE))]


def draw(count: int, seed: int) -> list[Window]:
    rng = np.random.default_rng(seed)
    videos, starts = rng.integers(0, VIDEOS, count), rng.integers(0, SECONDS - WINDOW, count)
    return list(zip(videos.tolist(), starts.tolist(), strict=True))


def forget(folder: Path) -> None:
    """Drop all files from the system's cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def cached(folder: Path) -> dict[str, float]:
    best = dict.fromkeys(LAYOUTS, 0.0)
    for number in range(CACHED_ROUNDS):
        windows = draw(CACHED_WINDOWS, number)
        for name, layout in LAYOUTS.items():
            with layout(folder) as read:
                read(windows)  # into the cache, and files open
                begin = time.process_time()
                read(windows)
                best[name] = max(best[name], len(windows) / (time.process_time() - begin))
    return best


def cold(
    folder: Path, layouts: Mapping[str, Callable[..., AbstractContextManager[Read]]]
) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in layouts}
    for number in range(COLD_ROUNDS):
        windows = draw(COLD_WINDOWS, 100 + number)
        for name, layout in layouts.items():
            forget(folder)
            with layout(folder) as read:
                begin = time.perf_counter()
                read(windows)
                times[name].append(time.perf_counter() - begin)
    return {name: COLD_WINDOWS / statistics.median(taken) for name, taken in times.items()}


def packing(folder: Path) -> list[tuple[str, float, str, float | str]]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    pack_features(None, folder / "npy", folder / "shards", "train", SHARD_SIZE)
    packed = time.perf_counter() - begin
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e6
    size = sum(path.stat().st_size for path in data_files(folder)) / 1e6
    begin = time.perf_counter()
    if verify_shards(folder / "shards").problems:
        raise RuntimeError("the shards that were just packed are damaged")
    checked = time.perf_counter() - begin
    return [
        ("packing shards", size / packed, "MB/s", "files in the cache, shards flushed to disk"),
        (
            "packing shards: memory on top",
            grown,
            "MB",
            f"a shard has {size / len(data_files(folder)):.0f} MB",
        ),
        ("checking shards", size / checked, "MB/s", "files in the cache"),
    ]


def run() -> list[tuple[str, float, str, float | str]]:
    """Return (what, value, unit, times the bare map)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: what writing the world leaves behind would hide the memory of packing.
        process = multiprocessing.get_context("fork").Process(target=write_world, args=(folder,))
        process.start()
        process.join()
        rows = packing(folder)
        for state, rates in (("cached", cached(folder)), ("cold", cold(folder, LAYOUTS))):
            rows += [
                (f"{state} windows: {layout}", rate, "windows/s", rate / rates[BARE])
                for layout, rate in rates.items()
            ]
        rates = cold(folder, WHOLE)
        rows += [
            (f"cold whole videos: {way}", rate, "videos/s", rate / rates[ONE_BY_ONE])
            for way, rate in rates.items()
        ]
    return rows


if __name__ == "__main__":
    for what, value, unit, ratio in run():
        print(f"{what:60s} {value:12,.0f} {unit:10s} {ratio if isinstance(ratio, str) else f'{ratio:.2f}x'}")
