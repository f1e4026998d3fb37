"""The two benchmarks as data sets of MMEngine."""

import logging
from functools import partial
from pathlib import Path

from mmengine.logging import print_log

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .argoverse1_map import LANE_FILES, map_file, read_argoverse1_map
from .argoverse1_scene import CITIES, read_argoverse1
from .argoverse2_map import map_of, read_argoverse2_map
from .argoverse2_scene import read_argoverse2
from .base import ForecastDataset, SceneMaker, log_without_map
from .features import Featuriser
from .lane_map import LaneMap
from .scene import Scene

# Half side in metres of the square in which some lane should be.
SOME_LANE_WITHIN = 100.
_WARNED: set[str] = set()


def lanes_of_city(root: str | None, path: str, scene: Scene
                  ) -> LaneMap | None:
    """The lanes of a scene's city; warns once where none is near."""
    if root is None:
        return None
    lanes = read_argoverse1_map(root, scene.city)
    centre = scene.positions[scene.target, scene.num_observed - 1]
    if not len(lanes.near(centre, SOME_LANE_WITHIN)) and root not in _WARNED:
        _WARNED.add(root)
        print_log(
            f'{path}: {root} has no lane within {SOME_LANE_WITHIN:.0f} m of '
            f'the target. Is that the map of {scene.city}? Said once.',
            logger='current', level=logging.WARNING)
    return lanes


def lanes_of_scenario(with_map: bool, path: str, scene: Scene
                      ) -> LaneMap | None:
    """The lanes that lie beside a scenario."""
    return read_argoverse2_map(map_of(path)) if with_map else None


@DATASETS.register_module()
class Argoverse1(ForecastDataset):
    """Argoverse 1 Motion Forecasting v1.1, as it was downloaded.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        featuriser: Config of the featuriser.
        data_root: Holds ``train/data``, ``val/data`` and ``test_obs/data``.
        map_root: The folder ``map_files``; None does without lanes.
        **kwargs: Passed to :class:`ForecastDataset`.
    """

    METAINFO = dict(benchmark='argoverse1')
    SPLITS = dict(train='train/data', val='val/data', test='test_obs/data')

    def __init__(self,
                 split: str,
                 featuriser: dict,
                 data_root: str = 'data/argoverse1',
                 map_root: str | None = 'data/argoverse1/map_files',
                 **kwargs) -> None:
        self.map_root = map_root
        if map_root is None:
            log_without_map(f'{type(self).__name__} ({split})')
        super().__init__(split, featuriser, data_root, **kwargs)

    def build_maker(self, featuriser: Featuriser) -> SceneMaker:
        """Reads CSV files, and the lanes of their city."""
        return SceneMaker(featuriser, read_argoverse1,
                          partial(lanes_of_city, self.map_root),
                          self.needs_future)

    @staticmethod
    def find_scenes(folder: Path) -> list[Path]:
        """By number; names are ids."""
        paths = list(folder.glob('*.csv'))
        wrong = [path for path in paths if not path.stem.isdecimal()]
        if wrong:
            raise DataError(f'{wrong[0]}: scenes of Argoverse 1 are called '
                            '<number>.csv')
        return sorted(paths, key=lambda path: int(path.stem))

    def map_settings(self) -> object:
        """Sizes of the map files; None without a map."""
        if self.map_root is None:
            return None
        sizes = {}
        for city in CITIES:
            for name in LANE_FILES:
                try:
                    path = map_file(self.map_root, city, name)
                except DataNotFoundError:
                    continue
                sizes[path.name] = path.stat().st_size
        return sizes


@DATASETS.register_module()
class Argoverse2(ForecastDataset):
    """Argoverse 2 Motion Forecasting, as it was downloaded.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        featuriser: Config of the featuriser.
        data_root: Holds the folders ``train``, ``val`` and ``test``, each
            with a folder for each scenario.
        with_map: Whether to read the map beside each scenario.
        **kwargs: Passed to :class:`ForecastDataset`.
    """

    METAINFO = dict(benchmark='argoverse2')
    SPLITS = dict(train='train', val='val', test='test')

    def __init__(self,
                 split: str,
                 featuriser: dict,
                 data_root: str = 'data/argoverse2',
                 with_map: bool = True,
                 **kwargs) -> None:
        self.with_map = with_map
        if not with_map:
            log_without_map(f'{type(self).__name__} ({split})')
        super().__init__(split, featuriser, data_root, **kwargs)

    def build_maker(self, featuriser: Featuriser) -> SceneMaker:
        """Reads parquet files, and the maps beside them."""
        return SceneMaker(featuriser, read_argoverse2,
                          partial(lanes_of_scenario, self.with_map),
                          self.needs_future)

    @staticmethod
    def find_scenes(folder: Path) -> list[Path]:
        """By name; a scenario is a folder."""
        return sorted(path for path in folder.iterdir() if path.is_dir())

    def map_settings(self) -> object:
        """Whether there are maps; each belongs to its scenario."""
        return self.with_map
