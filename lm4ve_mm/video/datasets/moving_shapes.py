"""Generated mp4 files, which are told apart by their motion alone."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from numpy.random import SeedSequence, default_rng
from tqdm import tqdm

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.build_once import build_once

from ..files import AnnotationError, Clip, write_list
from ..files.encoding import write_mp4
from ..files.moving_scenes import CLASSES, render
from .clips import VideoClips

# Raise it whenever the same settings give other clips than before.
GENERATOR = 1
STREAMS = dict(train=0, test=1)
LIST, SETTINGS = 'list.csv', 'settings.json'


def write_split(folder: Path, split: str, settings: dict[str, Any]) -> None:
    """Generate a split: videos, their list, and the settings.

    Args:
        folder (Path): Where to, is made; clip i is of class i mod 6.
        split (str): ``'train'`` or ``'test'``.
        settings (dict): ``count``, ``seed``, and those of
            :func:`lm4ve_mm.video.files.moving_scenes.render`.
    """
    folder.mkdir()
    count = settings['count']
    scene = {key: settings[key] for key in ('size', 'frames', 'noise')}
    seeds = SeedSequence((settings['seed'], STREAMS[split])).spawn(count)
    print_log(f'Generating {count} videos of moving shapes ({split})',
              logger='current')
    clips = []
    for i, seed in enumerate(tqdm(seeds, desc=split, disable=None)):
        clip = Clip(f'{i:05d}.mp4', i % len(CLASSES))
        write_mp4(folder / clip.name,
                  render(clip.label, default_rng(seed), **scene))
        clips.append(clip)
    write_list(folder / LIST, clips)
    (folder / SETTINGS).write_text(
        json.dumps(dict(settings, generator=GENERATOR), indent=1))


@DATASETS.register_module()
class MovingShapes(VideoClips):
    """Discs, squares, diamonds and triangles that move or change their size.

    The mp4 files (H.264) are generated when they are first needed, by one
    process. The same settings give the same pictures; a single frame does
    not tell the class, since every second class is another one backwards.

    Args:
        split (str): ``'train'`` or ``'test'``.
        data_root (str): Where to put the files.
        count (int): Videos of this split; the six classes take turns.
        size (int): Side in pixels, even; decord fails on fewer than 32.
        frames (int): Frames of a video, 12 a second.
        noise (float): Standard deviation of the noise, in levels of 0..255.
        seed (int): Of all that is random. The splits differ in any case.
        **kwargs: Passed to :class:`VideoClips`.

    Raises:
        ValueError: For settings that make no sense.
        AnnotationError: If ``data_root`` holds videos of other settings.
    """

    METAINFO = dict(classes=CLASSES)

    def __init__(self,
                 split: str,
                 data_root: str = 'data/moving_shapes',
                 count: int = 1200,
                 size: int = 64,
                 frames: int = 16,
                 noise: float = 4.,
                 seed: int = 0,
                 **kwargs) -> None:
        if split not in STREAMS:
            raise ValueError('MovingShapes has the splits '
                             f"'train' and 'test', not {split!r}")
        if count < 1 or frames < 2 or size < 32 or size % 2:
            raise ValueError(
                f'count={count} has to be at least 1, frames={frames} at '
                f'least 2, and size={size} even and at least 32')
        if noise < 0:
            raise ValueError(f'noise={noise} is less than 0')
        self.settings = dict(
            count=count, size=size, frames=frames, noise=noise, seed=seed)
        self.split = split
        super().__init__(
            ann_file=f'{split}/{LIST}',
            data_root=data_root,
            data_prefix=dict(video=split),
            **kwargs)

    def load_data_list(self) -> list:
        """Generate the videos if they are not there, and read their list."""
        folder = Path(self.ann_file).parent
        build_once(folder, partial(
            write_split, split=self.split, settings=self.settings))
        wanted = dict(self.settings, generator=GENERATOR)
        file = folder / SETTINGS
        found = json.loads(file.read_text()) if file.is_file() else None
        if found != wanted:
            raise AnnotationError(
                f'{folder} was generated with {found}, but wanted is '
                f'{wanted}: remove it, or give another data_root')
        return super().load_data_list()
