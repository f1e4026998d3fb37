"""What the data sets of both benchmarks share."""

import hashlib
import logging
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .cache import build_cache, cache_folder, read_cached
from .features import Arrays, Featuriser
from .lane_map import LaneMap
from .scene import Scene


class SceneMaker:
    """Reads a scene and its map and turns them into arrays.

    An object of its own, so that a process that builds a cache gets it and
    not the data set.

    Args:
        featuriser: Makes the arrays.
        read_scene: Path -> scene.
        read_map: Path and scene -> lanes, or None.
        needs_future: Whether a scene without a future is an error.
    """

    def __init__(self, featuriser: Featuriser, read_scene, read_map,
                 needs_future: bool) -> None:
        self.featuriser = featuriser
        self.read_scene = read_scene
        self.read_map = read_map
        self.needs_future = needs_future

    def scene(self, path: str) -> tuple[Scene, LaneMap | None]:
        """A scene and the lanes around it.

        Raises:
            DataError: If it cannot be read, or has no future though one is
                needed.
        """
        scene = self.read_scene(path)
        if self.needs_future and not scene.num_future:
            raise DataError(
                f'{path} is of a test split, its {len(scene.times)} steps are '
                'the past alone: such scenes can be predicted (split='
                "'test'), but neither learnt from nor scored")
        return scene, self.read_map(path, scene)

    def __call__(self, path: str) -> Arrays:
        """The arrays of one scene."""
        return self.featuriser(*self.scene(path))


class ForecastDataset(BaseDataset):
    """Scenes of one split, as arrays.

    A sample of the pipeline has what :mod:`.features` makes, ``scene_id``
    and ``path``.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``, whose futures are not
            published.
        featuriser: Config of the featuriser, the model's own.
        cache: Folder below which scenes are kept as arrays; None reads each
            scene anew whenever it is needed.
        cache_workers: Processes that build the cache.
        scenes: Take only scenes ``scenes[0]`` to ``scenes[1] - 1`` in the
            order of their ids.
        data_root: Where the files lie.
        serialize_data: As in MMEngine.
        **kwargs: Passed to :class:`mmengine.dataset.BaseDataset`.

    Raises:
        ValueError: If there is no such split.
        DataNotFoundError: If there are no scenes.
    """

    SPLITS: dict[str, str]
    # Splits whose futures are not published.
    WITHOUT_FUTURES: tuple[str, ...] = ('test', )

    def __init__(self,
                 split: str,
                 featuriser: dict,
                 data_root: str,
                 cache: str | None = None,
                 cache_workers: int = 1,
                 scenes: Sequence[int] | None = None,
                 **kwargs) -> None:
        if split not in self.SPLITS:
            raise ValueError(f'{type(self).__name__} has the splits '
                             f'{", ".join(self.SPLITS)}, not {split!r}')
        if kwargs.get('test_mode') is False and split in self.WITHOUT_FUTURES:
            raise ValueError(f'split={split!r} has no futures to learn from')
        self.split = split
        self.cache = cache
        self.cache_workers = cache_workers
        self.scenes = scenes
        self.make = self.build_maker(TRANSFORMS.build(featuriser))
        self.folder: Path | None = None
        super().__init__(data_root=data_root, **kwargs)

    @property
    def needs_future(self) -> bool:
        """Whether a scene without a future is an error in this split."""
        return self.split not in self.WITHOUT_FUTURES

    @abstractmethod
    def build_maker(self, featuriser: Featuriser) -> SceneMaker:
        """What reads scenes."""

    @staticmethod
    @abstractmethod
    def find_scenes(folder: Path) -> list[Path]:
        """All scenes of the split, in the order of their ids."""

    @abstractmethod
    def map_settings(self) -> object:
        """What a cache depends on beside scenes and featuriser."""

    def load_data_list(self) -> list[dict]:
        """List the scenes, and build what the cache lacks."""
        folder = Path(self.data_root, self.SPLITS[self.split])
        if not folder.is_dir():
            raise DataNotFoundError(
                f'there is no folder {folder} with the scenes of '
                f'{self.split!r}; data_root is {self.data_root}')
        paths = self.find_scenes(folder)
        if not paths:
            raise DataNotFoundError(f'there are no scenes in {folder}')
        if self.scenes is not None:
            first, last = self.scenes
            if not 0 <= first < last <= len(paths):
                raise ValueError(f'scenes={self.scenes} are not among the '
                                 f'{len(paths)} of {folder}')
            paths = paths[first:last]
        if self.cache is not None:
            self._build(paths)
        return [dict(row=row, path=str(path))
                for row, path in enumerate(paths)]

    def _build(self, paths: list[Path]) -> None:
        """Build the cache of these scenes."""
        listed = hashlib.sha256()
        for path in paths:
            listed.update(f'{path.name} {path.stat().st_size}\n'.encode())
        settings = dict(
            featuriser=self.make.featuriser.settings, count=len(paths),
            scenes=listed.hexdigest(), map=self.map_settings(),
            needs_future=self.make.needs_future)
        self.folder = cache_folder(
            self.cache, f'{type(self).__name__}-{self.split}', settings)
        build_cache(self.folder, settings, [str(path) for path in paths],
                    self.make, self.cache_workers)

    def get_data_info(self, idx: int) -> dict:
        """Give the arrays of a scene, from the cache if there is one."""
        info = super().get_data_info(idx)
        if self.folder is None:
            arrays = self.make(info['path'])
        else:
            arrays = read_cached(self.folder, info['row'])
        return {**info, **arrays, 'scene_id': self.id_of(info['path'])}

    def id_of(self, path: str) -> str:
        """The id of a scene, which is in its name."""
        return Path(path).stem

    def full_scene(self, idx: int) -> tuple[Scene, LaneMap | None]:
        """Read a scene with its lanes, for drawing."""
        return self.make.scene(self.get_data_info(idx)['path'])

    def prepare_data(self, idx: int) -> dict:
        """Run the pipeline; a broken scene is an error, never skipped."""
        return self.pipeline(self.get_data_info(idx))


def log_without_map(name: str) -> None:
    """Say once what a run without a map loses."""
    print_log(
        f'{name} without a map: scenes have no lanes, and DAC cannot be '
        "scored. mmTransformer's paper loses 0.11 m of minADE and 6.7 points "
        'of miss rate (K=6) without its map unit.',
        logger='current',
        level=logging.WARNING)
