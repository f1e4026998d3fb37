"""Videos with labels, for training past what is broken."""

import logging
from pathlib import Path
from typing import Any

import torch
from mmaction.datasets import VideoDataset
from mmengine.dist import get_rank
from mmengine.logging import print_log

from lm4ve_mm.registry import DATASETS

from ..files import (
    VideoError,
    VideoNotFoundError,
    missing_files,
    read_class_names,
    read_list,
)

DECODED = 'Decode'
CLASS_NAMES = 'classes.txt'


@DATASETS.register_module()
class VideoClips(VideoDataset):
    """MMAction2's videos, listed as VideoMAE lists them.

    A video that is missing stops a run at its start. One that is damaged is
    found when it is decoded: testing stops there; training logs a warning
    with the number of such videos so far, and takes another in its place. A
    codec that no installed decoder knows stops training too.

    The names of the classes are those of ``classes.txt`` beside the list,
    unless ``metainfo`` gives others.

    With ``num_repeats`` above one (repeated augmentation, arXiv 1901.09335) a
    sample is a list: the video is decoded once, and what comes after the
    decoding is done that many times with new random numbers, as VideoMAE's
    ``num_sample``. It takes
    ``collate_fn=dict(type='mmengine.repeat_pseudo_collate')``; ``batch_size``
    counts the videos.

    Args:
        ann_file (str): The list, see :func:`lm4ve_mm.video.files.read_list`.
        num_classes (int, optional): Refuse labels from here on. By default
            the number of classes in ``metainfo``, if that has them.
        num_repeats (int): Samples made of each video in training.
        check_files (bool): Look at the start whether all videos are there.
        **kwargs: Passed to :class:`mmaction.datasets.VideoDataset`;
            ``data_prefix=dict(video=FOLDER)`` is where the videos are.

    Raises:
        VideoNotFoundError: If the list or videos are missing.
        AnnotationError: If the list is not what it should be.
        ValueError: If ``num_repeats`` makes no sense here, or for
            ``delimiter`` and ``multi_class``, which such lists do not have.
    """

    def __init__(self,
                 ann_file: str,
                 num_classes: int | None = None,
                 num_repeats: int = 1,
                 check_files: bool = True,
                 test_mode: bool = False,
                 **kwargs) -> None:
        if num_repeats < 1 or (test_mode and num_repeats > 1):
            raise ValueError(
                f'num_repeats={num_repeats} has to be at least 1, and 1 with '
                'test_mode=True')
        if 'delimiter' in kwargs or kwargs.get('multi_class'):
            given = {key: kwargs[key] for key in ('delimiter', 'multi_class')
                     if key in kwargs}
            raise ValueError(
                f'VideoClips reads a path, white space and one label from '
                f'each line: it has no use for {given}; rewrite the list, or '
                'take mmaction.VideoDataset')
        self.num_repeats = num_repeats
        self.check_files = check_files
        super().__init__(
            ann_file, num_classes=num_classes, test_mode=test_mode, **kwargs)
        self._decoded = self._place_of_decoding() if num_repeats > 1 else None

    def load_data_list(self) -> list[dict]:
        """Read the list: ``filename`` and ``label``."""
        self._name_classes()
        count = self.num_classes or len(self.metainfo.get('classes') or ())
        folder = Path(self.data_prefix.get('video') or '')
        return [
            dict(filename=str(folder / clip.name), label=clip.label)
            for clip in read_list(Path(self.ann_file), count or None)
        ]

    def _name_classes(self) -> None:
        """Take the names beside the list, if they are as many as classes."""
        path = Path(self.ann_file).parent / CLASS_NAMES
        names = read_class_names(path)
        if not names or 'classes' in self.metainfo:
            return
        if self.num_classes not in (None, len(names)):
            print_log(
                f'{path} is not used: it names {len(names)} classes, but '
                f'num_classes={self.num_classes}',
                logger='current',
                level=logging.WARNING)
            return
        self._metainfo['classes'] = names

    def full_init(self) -> None:
        """Read the list, look for the videos, and start to count."""
        if self._fully_initialized:
            return
        super().full_init()
        if self.check_files:
            self._look_for_videos()
        # Shared with the workers that a data loader forks or spawns.
        self._damaged = torch.zeros(len(self), dtype=torch.bool)
        self._damaged.share_memory_()

    def _look_for_videos(self) -> None:
        """Raise if videos are missing; names the first."""
        paths = [self.get_data_info(i)['filename'] for i in range(len(self))]
        missing = missing_files(paths)
        if missing:
            raise VideoNotFoundError(
                f'{len(missing)} of the {len(paths)} videos in '
                f'{self.ann_file} are not there, the first is {missing[0]}: '
                'get them, remove their lines, or set data_prefix.video to '
                'the folder that holds them')

    @property
    def num_damaged(self) -> int:
        """How many different videos could not be decoded so far."""
        return int(self._damaged.sum())

    def prepare_data(self, idx: int) -> Any:
        """Decode and transform a video.

        Returns:
            dict or list[dict] or None: A sample, ``num_repeats`` of them, or
            None if the video is damaged: MMEngine then takes another.

        Raises:
            VideoError: If a video is damaged, in testing.
        """
        try:
            return self._prepare(self.get_data_info(idx))
        except VideoError as error:
            if self.test_mode:
                raise
            self._damaged[idx] = True
            # The only level that MMEngine prints on other ranks is ERROR.
            level = logging.ERROR if get_rank() else logging.WARNING
            print_log(
                f'{error}. Another video takes its place; so far '
                f'{self.num_damaged} of {len(self)} videos are damaged.',
                logger='current',
                level=level)
            return None

    def _prepare(self, info: dict) -> Any:
        if self.num_repeats == 1:
            return self.pipeline(info)
        transforms = self.pipeline.transforms
        for transform in transforms[:self._decoded]:
            info = transform(info)
        samples = []
        for _ in range(self.num_repeats):
            # Some transforms write into the frames they are given.
            sample = dict(info, imgs=[frame.copy() for frame in info['imgs']])
            for transform in transforms[self._decoded:]:
                sample = transform(sample)
            samples.append(sample)
        return samples

    def _place_of_decoding(self) -> int:
        """Find how many transforms it takes to have decoded frames."""
        names = [type(one).__name__ for one in self.pipeline.transforms]
        for place, name in enumerate(names, 1):
            if DECODED in name:
                return place
        raise ValueError(
            f'num_repeats={self.num_repeats} repeats what comes after the '
            f'decoding, but no transform of {names} has {DECODED!r} in its '
            'name')
