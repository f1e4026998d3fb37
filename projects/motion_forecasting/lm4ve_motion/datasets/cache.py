"""Scenes that were turned into arrays once, in files that are safe to read.

A cache is a folder of shards, ``00000.safetensors`` and so on, each of
:data:`SHARD` scenes one after the other, and ``settings.json``, which says
what it was made of. Its name ends in a key of those settings, so that other
settings are another cache. Shards are complete or not there: a build that
was killed goes on where it was.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from filelock import FileLock
from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from tqdm import tqdm

from lm4ve_mm.utils.errors import DataError
from lm4ve_mm.utils.files import replacing

from .features import PER_ACTOR, PER_LANE, WORDS, Arrays

SHARD = 256
# One number or one pair for each scene.
PER_SCENE = ('origin', 'theta')
ENDS = dict(actors=PER_ACTOR, lanes=PER_LANE)


def cache_folder(root: str | Path, name: str, settings: dict) -> Path:
    """Where the cache of these settings lies below ``root``."""
    text = json.dumps(settings, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Path(root, f'{name}-{key}')


def shard_of(folder: Path, number: int) -> Path:
    """Name one of the shards."""
    return folder / f'{number:05d}.safetensors'


def write_shard(make: Callable[[str], Arrays], folder: Path,
                job: tuple[int, Sequence[str]]) -> int:
    """Turn scenes into arrays and write them, unless that was done before.

    Args:
        make: A scene's path -> its arrays.
        folder: The cache.
        job: Number of the shard, and the paths of its scenes.

    Returns:
        int: How many scenes the shard has.
    """
    number, paths = job
    path = shard_of(folder, number)
    if not path.exists():
        scenes = [make(one) for one in paths]
        tensors = {key: np.stack([scene[key] for scene in scenes])
                   for key in PER_SCENE}
        for end, keys in ENDS.items():
            sizes = [len(scene[keys[0]]) for scene in scenes]
            tensors[f'{end}_end'] = np.cumsum(sizes, dtype=np.int64)
            for key in keys:
                tensors[key] = np.concatenate(
                    [scene[key] for scene in scenes])
        words = {key: json.dumps([scene[key] for scene in scenes])
                 for key in WORDS}
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata=words)
    return len(paths)


def check_settings(folder: Path, settings: dict) -> None:
    """Note what a cache is made of, or compare with what was noted.

    Raises:
        DataError: If it is made of something else; says what differs.
    """
    noted = folder / 'settings.json'
    text = json.dumps(settings, indent=2, sort_keys=True)
    if not noted.exists():
        with replacing(noted) as temporary:
            Path(temporary).write_text(text)
        return
    try:
        found = json.loads(noted.read_text())
    except ValueError as error:
        raise DataError(f'{noted} is damaged: remove the folder') from error
    wanted = json.loads(text)
    if found != wanted:
        keys = sorted(key for key in {*found, *wanted}
                      if found.get(key) != wanted.get(key))
        differ = '; '.join(
            f'{key} was {found.get(key)!r}, wanted is {wanted.get(key)!r}'
            for key in keys)
        raise DataError(f'the cache {folder} is of other settings ({differ}):'
                        ' remove it, or give another folder')


def build_cache(folder: Path, settings: dict, paths: Sequence[str],
                make: Callable[[str], Arrays], workers: int = 1) -> None:
    """Write what a cache lacks; other processes wait for it.

    Args:
        folder: Of :func:`cache_folder`.
        settings: What the arrays depend on.
        paths: Of the scenes, in their order.
        make: A scene's path -> its arrays; to be pickled if there are
            several workers.
        workers: Processes.

    Raises:
        DataError: If a scene cannot be read, or the folder is of other
            settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(start // SHARD, paths[start:start + SHARD])
            for start in range(0, len(paths), SHARD)]
    with FileLock(folder / '.lock'):
        check_settings(folder, settings)
        lacking = [job for job in jobs
                   if not shard_of(folder, job[0]).exists()]
        if not lacking:
            return
        print_log(f'Building {folder}: {len(lacking)} of {len(jobs)} shards '
                  f'of {SHARD} scenes, {workers} worker(s)', logger='current')
        write = partial(write_shard, make, folder)
        bar = tqdm(total=sum(len(job[1]) for job in lacking),
                   desc='scenes', disable=None)
        with bar:
            if workers <= 1:
                for job in lacking:
                    bar.update(write(job))
                return
            with ProcessPoolExecutor(workers, get_context('fork')) as pool:
                for count in pool.map(write, lacking):
                    bar.update(count)


@lru_cache(maxsize=64)
def _opened(path: Path) -> tuple:
    """A shard, mapped into memory, and its words; forks may share it."""
    try:
        shard = safe_open(path, framework='numpy')
        return shard, {key: json.loads(shard.metadata()[key])
                       for key in WORDS}
    except (SafetensorError, OSError) as error:
        raise DataError(f'{path} is damaged: remove it, and it is built again '
                        f'({error})') from error


def read_cached(folder: Path, index: int) -> Arrays:
    """The arrays of one scene.

    Args:
        folder: A cache that is built.
        index: Which of its scenes.

    Raises:
        DataError: If its shard is damaged.
    """
    number, row = divmod(index, SHARD)
    shard, words = _opened(shard_of(folder, number))
    arrays = {key: shard.get_slice(key)[row:row + 1][0] for key in PER_SCENE}
    arrays.update((key, words[key][row]) for key in WORDS)
    for end, keys in ENDS.items():
        ends = shard.get_slice(f'{end}_end')
        start = int(ends[row - 1:row][0]) if row else 0
        stop = int(ends[row:row + 1][0])
        for key in keys:
            # An empty slice of it would be an error.
            arrays[key] = (shard.get_slice(key)[start:stop] if start < stop
                           else shard.get_tensor(key)[:0])
    return arrays
