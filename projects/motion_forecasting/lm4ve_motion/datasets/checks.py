"""Is a downloaded data set complete?"""

from collections.abc import Callable, Iterator
from pathlib import Path

from lm4ve_mm.utils.errors import DataError, DataNotFoundError
from lm4ve_mm.utils.findings import Finding, examine

from .argoverse import Argoverse1, Argoverse2
from .argoverse1_map import (
    AREA_FILES,
    DrivableArea,
    map_file,
    read_argoverse1_map,
)
from .argoverse1_scene import CITIES, read_argoverse1
from .argoverse2_map import map_of, read_argoverse2_map
from .argoverse2_scene import read_argoverse2

# Scenes in each split, as published.
COUNTS1 = dict(train=205_942, val=39_472, test=78_143)
COUNTS2 = dict(train=199_908, val=24_988, test=24_984)
# What the older release has, with other ids.
OLD_COUNTS1 = dict(train=208_272, val=40_127, test=79_391)
SHOWN = 3


def _count(found: int, split: str, counts: dict[str, int]) -> None:
    """Raise if a split has another number of scenes than is published."""
    if found == counts[split]:
        return
    old = (found == OLD_COUNTS1.get(split) and counts is COUNTS1)
    raise DataError(
        f'{split} has {found} scenes, published are {counts[split]}'
        + (': this is v1.0, whose ids differ; get v1.1' if old else ''))


def _read_some(paths: list[Path], read: Callable[[Path], object],
               every: int) -> str:
    """Read every n-th scene; all errors are named at once."""
    chosen = paths[::every]
    broken = []
    for path in chosen:
        try:
            read(path)
        except (DataError, DataNotFoundError) as error:
            broken.append(str(error))
    if broken:
        more = len(broken) - SHOWN
        raise DataError(
            f'{len(broken)} of {len(chosen)} scenes cannot be used: '
            + '; '.join(broken[:SHOWN]) + f'; and {more} more' * (more > 0))
    return f'{len(paths)} scenes, {len(chosen)} of them read'


def _splits(kind: type, root: Path, counts: dict[str, int],
            read: Callable[[Path], object], every: int) -> Iterator[Finding]:
    """Look at every split: how many scenes, and whether they can be read."""
    for split, folder in kind.SPLITS.items():
        paths = []

        def look(split=split, at=root / folder, paths=paths) -> str:
            if not at.is_dir():
                raise DataNotFoundError(f'there is no folder {at}')
            paths += kind.find_scenes(at)
            _count(len(paths), split, counts)
            return f'{len(paths)} scenes'

        yield examine(f'{folder}: how many', look)
        if paths:
            yield examine(f'{folder}: content',
                          lambda paths=paths: _read_some(paths, read, every))


def check_argoverse1(root: Path, every: int = 1) -> Iterator[Finding]:
    """Look at splits and maps of Argoverse 1.

    Args:
        root: The folder with ``train``, ``val``, ``test_obs`` and
            ``map_files``.
        every: Read every n-th scene.
    """
    yield from _splits(Argoverse1, root, COUNTS1, read_argoverse1, every)
    maps = root / 'map_files'
    for city in CITIES:

        def look(city=city) -> str:
            return f'{len(read_argoverse1_map(str(maps), city).ids)} lanes'

        def look_at_area(city=city) -> str:
            for name in AREA_FILES:
                map_file(maps, city, name)
            height, width = DrivableArea(maps, city).raster.shape[:2]
            return f'{height} x {width} metres'

        yield examine(f'map_files: lanes of {city}', look)
        yield examine(f'map_files: drivable area of {city}', look_at_area)


def check_argoverse2(root: Path, every: int = 1) -> Iterator[Finding]:
    """Look at splits of Argoverse 2, and at the maps in them.

    Args:
        root: The folder with ``train``, ``val`` and ``test``.
        every: Read every n-th scene.
    """

    def read(folder: Path) -> None:
        read_argoverse2(folder)
        read_argoverse2_map(map_of(folder))

    yield from _splits(Argoverse2, root, COUNTS2, read, every)


CHECKS = dict(argoverse1=check_argoverse1, argoverse2=check_argoverse2)
