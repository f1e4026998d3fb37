"""Flickr30k with captions, from the JSON file of Karpathy's splits."""

import os
import random
from collections import Counter
from pathlib import Path

from mmengine.dataset import BaseDataset

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError

from .json_files import list_of, read_json
from .vqav2_files import some

# Other splits of the same photos are about, and give other figures.
COUNTS = dict(train=29_000, val=1_014, test=1_000)
SPLITS = dict(train=('train', ), val=('val', ), test=('test', ),
              trainval=('train', 'val'))


def read_karpathy(path: str | Path,
                  counts: dict[str, int] | None = COUNTS) -> list[dict]:
    """Read the images of a file in Karpathy's layout.

    Args:
        path: The JSON file.
        counts: Images of each split; None accepts any.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is broken, or of other splits.
    """
    images = list_of(read_json(path, 'captions'), 'images',
                     ('split', 'filename', 'sentences'), path)
    found = Counter(one['split'] for one in images)
    if counts is not None and found != counts:
        def say(sizes):
            return ' / '.join(f'{name} {sizes[name]:,}'
                              for name in sorted(sizes))
        raise DataError(
            f"{path} has {say(found)} images; those of Karpathy's Flickr30k "
            f'have {say(counts)}: figures on other splits cannot be compared. '
            'check_counts=False reads it all the same')
    for one in images:
        if not one['sentences'] or 'raw' not in one['sentences'][0]:
            raise DataError(f'{path}: {one["filename"]} has no captions')
    return images


@DATASETS.register_module()
class Flickr30k(BaseDataset):
    """Images with five captions each.

    In training an item is one caption (``text``) with its image, and
    ``false_texts``: captions drawn anew each time, uniformly and with
    replacement, over all captions of the split. Another one of the same
    image may be among them, as in METER. With ``test_mode`` an item is one
    image with all of its captions (``texts``).

    Args:
        split: ``'train'``, ``'val'``, ``'trainval'`` (METER trains on it) or
            ``'test'`` (METER and the paper evaluate on it).
        data_root: Folder of the JSON file and of the images.
        ann_file: The JSON file.
        data_prefix: ``dict(img_path=FOLDER)``.
        num_false: How many false captions a caption gets in training.
        check_counts: Refuse a file whose splits are not those of Karpathy's
            Flickr30k. False is for other data sets in this layout.
        test_mode: For validation and tests.
        **kwargs: Passed to :class:`mmengine.dataset.BaseDataset`.

    Raises:
        ConfigError: If there is no such split.
        DataNotFoundError: If the file or an image is missing.
        DataError: If the file is broken or has other splits.
    """

    METAINFO = dict(dataset_type='flickr30k')

    def __init__(self,
                 split: str,
                 data_root: str = 'data/flickr30k',
                 ann_file: str = 'dataset_flickr30k.json',
                 data_prefix: dict = dict(img_path='flickr30k-images'),
                 num_false: int = 15,
                 check_counts: bool = True,
                 test_mode: bool = False,
                 **kwargs) -> None:
        if split not in SPLITS:
            raise ConfigError(f'Flickr30k has no split {split!r}; there are '
                              f'{", ".join(SPLITS)}')
        self.split = split
        self.num_false = num_false
        self.counts = COUNTS if check_counts else None
        super().__init__(
            data_root=data_root, ann_file=ann_file, data_prefix=data_prefix,
            test_mode=test_mode, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List captions with their image, or images with their captions."""
        wanted = SPLITS[self.split]
        images = [one for one in read_karpathy(self.ann_file, self.counts)
                  if one['split'] in wanted]
        if not images:
            raise DataError(f'{self.ann_file} has no images of the split '
                            f'{self.split!r}')
        self._check_images([one['filename'] for one in images])
        make = self._image_item if self.test_mode else self._caption_items
        return [item for number, one in enumerate(images)
                for item in make(number, one)]

    def _check_images(self, names: list[str]) -> None:
        folder = Path(self.data_prefix['img_path'])
        if not folder.is_dir():
            raise DataNotFoundError(f'there is no folder of images {folder}')
        held = {place: set(os.listdir(place)) if place.is_dir() else set()
                for place in {(folder / name).parent for name in names}}
        missing = [name for name in names
                   if Path(name).name not in held[(folder / name).parent]]
        if missing:
            raise DataNotFoundError(
                f'{len(missing)} of {len(names)} images of {self.ann_file} '
                f'are not in {folder}: {some(missing)}')

    def _image_item(self, number: int, one: dict) -> list[dict]:
        """An image of the gallery."""
        return [dict(self._shared(number, one),
                     texts=[s['raw'] for s in one['sentences']])]

    def _caption_items(self, number: int, one: dict) -> list[dict]:
        """Every caption of an image."""
        shared = self._shared(number, one)
        return [dict(shared, text=s['raw']) for s in one['sentences']]

    def _shared(self, number: int, one: dict) -> dict:
        folder = Path(self.data_prefix['img_path'])
        return dict(image_id=number, img_path=str(folder / one['filename']))

    def get_data_info(self, idx: int) -> dict:
        """One item; in training with newly drawn false captions."""
        item = super().get_data_info(idx)
        if not self.test_mode:
            item['false_texts'] = [
                super(Flickr30k, self).get_data_info(
                    random.randrange(len(self)))['text']
                for _ in range(self.num_false)]
        return item
