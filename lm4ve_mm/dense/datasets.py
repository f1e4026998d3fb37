"""Generated images and masks, in the layout that MMSegmentation reads."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset
from numpy.random import SeedSequence, default_rng

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.build_once import build_once
from lm4ve_mm.utils.errors import DataError

from .scenes import CLASSES, PALETTE, backdrops, photographs, render

# Raise it whenever the same settings give other images than before.
GENERATOR = 1
STREAMS = dict(train=0, val=1)
SETTINGS = 'settings.json'
IMAGES, MASKS = 'images', 'masks'


def write_split(folder: Path, split: str, settings: dict[str, Any]) -> None:
    """Generate a split: images, masks, and the settings.

    Args:
        folder (Path): Where to, is made.
        split (str): ``'train'`` or ``'val'``.
        settings (dict): ``count``, ``size``, ``noise`` and ``seed``.
    """
    print_log(f'Generating {settings["count"]} images of shapes ({split})',
              logger='current')
    for kind in (IMAGES, MASKS):
        (folder / kind).mkdir(parents=True)
    pictures = backdrops(photographs(), split)
    seeds = SeedSequence((settings['seed'], STREAMS[split]))
    for i, seed in enumerate(seeds.spawn(settings['count'])):
        pair = render(pictures, default_rng(seed), settings['size'],
                      settings['noise'])
        for kind, pixels in zip((IMAGES, MASKS), pair, strict=True):
            cv2.imwrite(str(folder / kind / f'{i:05d}.png'), pixels)
    (folder / SETTINGS).write_text(
        json.dumps(dict(settings, generator=GENERATOR), indent=1))


@DATASETS.register_module()
class PhotoShapes(BaseSegDataset):
    """Discs, squares, triangles and stars on photographs.

    The PNG files are generated when they are first needed, by one process;
    the same settings give the same images. The backgrounds of training and
    validation are different parts of two photographs of scikit-learn.

    Args:
        split (str): ``'train'`` or ``'val'``.
        data_root (str): Where to put the files.
        count (int): Images of this split.
        size (int): Side in pixels, from 32 to 213.
        noise (float): Standard deviation of the noise, in levels of 0..255.
        seed (int): Of all that is random. The splits differ in any case.
        **kwargs: Passed to MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: For settings that make no sense.
        DataError: If ``data_root`` holds images of other settings.
    """

    METAINFO = dict(classes=CLASSES, palette=list(PALETTE))

    def __init__(self,
                 split: str,
                 data_root: str = 'data/photo_shapes',
                 count: int = 800,
                 size: int = 64,
                 noise: float = 8.,
                 seed: int = 0,
                 **kwargs) -> None:
        if split not in STREAMS:
            raise ValueError('PhotoShapes has the splits '
                             f"'train' and 'val', not {split!r}")
        # The narrower part of the photographs is 214 pixels wide.
        if count < 1 or not 32 <= size <= 213 or noise < 0:
            raise ValueError(
                f'count={count} has to be at least 1, size={size} from 32 to '
                f'213, and noise={noise} not less than 0')
        self.settings = dict(count=count, size=size, noise=noise, seed=seed)
        self.split = split
        super().__init__(
            data_root=data_root,
            data_prefix=dict(
                img_path=f'{split}/{IMAGES}', seg_map_path=f'{split}/{MASKS}'),
            img_suffix='.png',
            seg_map_suffix='.png',
            **kwargs)

    def load_data_list(self) -> list[dict]:
        """Generate the files if they are not there, and list them."""
        folder = Path(self.data_prefix['img_path']).parent
        build_once(folder, partial(
            write_split, split=self.split, settings=self.settings))
        wanted = dict(self.settings, generator=GENERATOR)
        file = folder / SETTINGS
        found = json.loads(file.read_text()) if file.is_file() else None
        if found != wanted:
            raise DataError(
                f'{folder} was generated with {found}, but wanted is '
                f'{wanted}: remove it, or give another data_root')
        return super().load_data_list()
