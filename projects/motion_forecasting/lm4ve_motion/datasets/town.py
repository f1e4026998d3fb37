"""A generated town as a small stand-in for Argoverse 1."""

import json
from pathlib import Path

from mmengine.logging import print_log
from numpy.random import SeedSequence, default_rng
from tqdm import tqdm

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.build_once import build_once
from lm4ve_mm.utils.errors import DataError

from .argoverse import Argoverse1
from .argoverse1_files import (
    write_argoverse1,
    write_argoverse1_map,
    write_drivable_area,
)
from .town_map import as_lane_map, build_town, drivable
from .town_traffic import make_scene

# Raise it whenever the same settings give other scenes than before.
GENERATOR = 1
# Argoverse 1 has two cities, and its files are named after them.
CITY = 'PIT'
STREAMS = dict(train=0, val=1, test=2)
SETTINGS = 'town.json'


def write_town(root: Path, settings: dict) -> None:
    """Write maps and scenes in the layout of Argoverse 1.

    Args:
        root: The folder to fill.
        settings: ``train``, ``val`` and ``test``, how many scenes, and
            ``seed``.
    """
    town = build_town(settings['seed'])
    lanes, links = as_lane_map(town)
    maps = root / 'map_files'
    write_argoverse1_map(maps, CITY, lanes, links)
    write_drivable_area(maps, CITY, *drivable(town))
    for split, stream in STREAMS.items():
        folder = root / split / 'data'
        folder.mkdir(parents=True)
        seeds = SeedSequence((settings['seed'], stream)).spawn(
            settings[split])
        for number, seed in enumerate(
                tqdm(seeds, desc=f'{split} scenes', disable=None), 1):
            rng = default_rng(seed)
            name = str(number + stream * 1_000_000)
            write_argoverse1(folder / f'{name}.csv',
                             make_scene(town, name, CITY, rng),
                             start=rng.uniform(3.1e8, 3.2e8))
    (root / SETTINGS).write_text(json.dumps(settings))


@DATASETS.register_module()
class Town(Argoverse1):
    """Cars in a town of bent streets, in the files of Argoverse 1.

    The files are generated when they are first needed; the same settings
    give the same files on every machine, and several processes may start at
    once. They say PIT, since Argoverse 1 knows only two cities.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``; all are of the same
            streets, each of other cars. Unlike Argoverse's, the scenes of
            ``'test'`` have futures: choose on ``'val'``, report ``'test'``.
        featuriser: Config of the featuriser.
        data_root: Where to put the files.
        train, val, test: Scenes of the splits.
        seed: Of all that is random.
        **kwargs: Passed to :class:`Argoverse1`; ``map_root=None`` leaves the
            map out.

    Raises:
        DataError: If ``data_root`` holds another town.
    """

    SPLITS = dict(train='train/data', val='val/data', test='test/data')
    WITHOUT_FUTURES = ()

    def __init__(self,
                 split: str,
                 featuriser: dict,
                 data_root: str = 'data/town',
                 train: int = 1500,
                 val: int = 400,
                 test: int = 400,
                 seed: int = 0,
                 **kwargs) -> None:
        if min(train, val, test) < 1:
            raise ValueError(f'train={train}, val={val} and test={test} '
                             'scenes: each has to be at least 1')
        self.town = dict(train=train, val=val, test=test, seed=seed,
                         generator=GENERATOR)
        kwargs.setdefault('map_root', str(Path(data_root, 'map_files')))
        super().__init__(split, featuriser, data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Generate the town if it is not there, and list the scenes."""
        root = Path(self.data_root)
        if not root.exists():
            print_log(f'Generating a town in {root}: {self.town}',
                      logger='current')
        build_once(root, lambda part: write_town(part, self.town))
        noted = root / SETTINGS
        found = json.loads(noted.read_text()) if noted.exists() else None
        if found != self.town:
            raise DataError(f'{root} holds {found}, wanted is {self.town}: '
                            'remove it, or give another data_root')
        return super().load_data_list()
