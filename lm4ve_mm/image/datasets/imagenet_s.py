"""ImageNet-S with 50 classes: validation images with segmentations."""

from pathlib import Path

import cv2
import numpy as np
from mmpretrain.datasets import BaseDataset
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .imagenet_variants import IMAGES, VARIANTS, class_folders
from .masks import Masks

CLASSES, COUNT = 50, 752
OTHER, IGNORED = 0, 1000
PAGE = 'github.com/LUSSeg/ImageNet-S'


@DATASETS.register_module()
class ImageNetS50(BaseDataset):
    """ImageNet-S-50 (arXiv 2106.03149), validation split, 752 images.

    As its scripts lay it out: ``validation/<class>/<image>.JPEG`` and
    ``validation-segmentation/<class>/<image>.png``. Labels are among
    ImageNet's 1,000, so that any classifier can be tested on it.

    Args:
        data_root (str): The folder ``ImageNetS50``.
        allow_partial (bool): Whether fewer images are accepted.
        **kwargs: Passed to :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        DataNotFoundError: If a folder or a mask is absent.
        DataError: If there are more classes or fewer images than published.
    """

    METAINFO = dict(classes=IMAGENET_CATEGORIES)

    def __init__(self, data_root: str, allow_partial: bool = False,
                 **kwargs) -> None:
        self.allow_partial = allow_partial
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One record an image, with the path of its mask."""
        images, masks = (Path(self.data_root) / name for name in (
            'validation', 'validation-segmentation'))
        for folder in (images, masks):
            if not folder.is_dir():
                raise DataNotFoundError(
                    f'there is no folder {folder}; ImageNet-S comes from '
                    f'{PAGE}, whose scripts copy the images out of ImageNet')
        labels = class_folders(images, VARIANTS['imagenet'])
        records = []
        for name, label in labels.items():
            for file in sorted((images / name).iterdir()):
                if file.suffix not in IMAGES:
                    continue
                mask = masks / name / f'{file.stem}.png'
                if not mask.is_file():
                    raise DataNotFoundError(
                        f'{file} has no mask: there is no {mask}. Unpack the '
                        f'annotations of {PAGE} again')
                records.append(dict(img_path=str(file), gt_label=label,
                                    mask_path=str(mask)))
        if not self.allow_partial and (len(labels), len(records)) != (
                CLASSES, COUNT):
            raise DataError(
                f'{images} holds {len(records)} images of {len(labels)} '
                f'classes, but ImageNet-S-50 has {COUNT} of {CLASSES}. Unpack '
                'it again, or set allow_partial=True')
        return records

    def masks(self, record: dict) -> Masks:
        """Read the foreground of a record: every object of the 50 classes.

        Raises:
            DataError: If the file is no mask of ImageNet-S, or not of the
                size of its image.
        """
        path = record['mask_path']
        ids = read_ids(path)
        shape = cv2.imread(record['img_path'],
                           cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if shape is None or shape.shape[:2] != ids.shape:
            raise DataError(
                f'{path} has {ids.shape[0]}x{ids.shape[1]} pixels, '
                f'{record["img_path"]} has another size or cannot be read')
        return Masks((ids != OTHER) & (ids != IGNORED), ids == IGNORED)


def read_ids(path: str) -> np.ndarray:
    """Read the ids of a mask, (H, W) int32: red + 256 green.

    Raises:
        DataError: If it cannot be read, or holds other ids.
    """
    colours = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if colours is None:
        raise DataError(f'cannot decode the mask {path}: it is empty or '
                        'damaged')
    colours = colours.astype(np.int32)  # BGR; 256 does not fit into uint8
    ids = colours[..., 2] + 256 * colours[..., 1]
    foreign = np.setdiff1d(ids, [*range(CLASSES + 1), IGNORED])
    if len(foreign):
        raise DataError(
            f'{path} holds the ids {foreign[:5].tolist()}, but ImageNet-S-50 '
            f'has 0 to {CLASSES} and {IGNORED}, as red + 256 green: is it of '
            'the version with 300 or 919 classes?')
    return ids
