"""ImageNet's test sets for robustness: A, R, Sketch, V2 and others.

All are labelled among the 1,000 classes. That a set has only 200 of them is
a matter of its metric, :class:`lm4ve_mm.RobustnessMetric`.
"""

from pathlib import Path
from typing import NamedTuple

from mmpretrain.datasets import BaseDataset
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError

from .imagenet_classes import wordnet_ids

IMAGES = ('.jpeg', '.jpg', '.png', '.JPEG', '.JPG', '.PNG')


class Variant(NamedTuple):
    """What is known of a set as it is published.

    Args:
        classes: Key of :data:`.imagenet_classes.LISTS`.
        count: Number of images.
        numbered: Whether folders are called 0 to 999.
        page: Where it comes from.
    """

    classes: str
    count: int
    numbered: bool
    page: str


VARIANTS = dict(
    imagenet=Variant('imagenet', 50_000, False, 'image-net.org'),
    imagenet_a=Variant('imagenet_a', 7_500, False,
                       'github.com/hendrycks/natural-adv-examples'),
    imagenet_r=Variant('imagenet_r', 30_000, False,
                       'github.com/hendrycks/imagenet-r'),
    imagenet_sketch=Variant('imagenet', 50_889, False,
                            'github.com/HaohanWang/ImageNet-Sketch'),
    imagenet_v2=Variant('imagenet', 10_000, True,
                        'github.com/modestyachts/ImageNetV2'))


@DATASETS.register_module()
class ImageNetVariant(BaseDataset):
    """A test set with one folder a class.

    Each sample has a ``group``, the name of its set, by which
    :class:`lm4ve_mm.RobustnessMetric` counts: the pipeline's ``PackInputs``
    has to keep it (``meta_keys``).

    Args:
        variant (str): A key of :data:`VARIANTS`.
        data_root (str): The folder with the classes' folders.
        group (str, optional): Name of the set; by default ``variant``.
        allow_partial (bool): Whether fewer classes or images than published
            are accepted, for example a subset of one's own.
        **kwargs: Passed to :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        ConfigError: If there is no such variant.
        DataNotFoundError: If the folder is absent.
        DataError: If it holds other classes, or not all images.
    """

    METAINFO = dict(classes=IMAGENET_CATEGORIES)

    def __init__(self, variant: str, data_root: str,
                 group: str | None = None, allow_partial: bool = False,
                 **kwargs) -> None:
        if variant not in VARIANTS:
            raise ConfigError(f'variant={variant!r} is unknown; known: '
                              f'{", ".join(VARIANTS)}')
        self.variant = VARIANTS[variant]
        self.group = group or variant
        self.allow_partial = allow_partial
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One record an image."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise DataNotFoundError(
                f'there is no folder {root} for {self.group}; it comes from '
                f'{self.variant.page}. To go without it, leave it out of the '
                "data set's list")
        labels = class_folders(root, self.variant)
        records = [
            dict(img_path=str(file), gt_label=label, group=self.group)
            for folder, label in labels.items()
            for file in sorted((root / folder).iterdir())
            if file.suffix in IMAGES
        ]
        self._check(root, len(labels), len(records))
        return records

    def _check(self, root: Path, folders: int, images: int) -> None:
        classes = len(wordnet_ids(self.variant.classes))
        if self.allow_partial and images:
            return
        if (folders, images) != (classes, self.variant.count):
            raise DataError(
                f'{root} holds {images:,} images of {folders} classes, but '
                f'{self.group} has {self.variant.count:,} of {classes}. '
                'Unpack it again, or set allow_partial=True if it is a '
                'subset of your own')


def class_folders(root: Path, variant: Variant) -> dict[str, int]:
    """Name of each class folder -> its label among the 1,000.

    Raises:
        DataError: If a folder is no class of this set.
    """
    if variant.numbered:
        known = {str(label): label for label in range(1000)}
    else:
        place = {name: label for label, name in enumerate(wordnet_ids())}
        known = {name: place[name] for name in wordnet_ids(variant.classes)}
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    foreign = [name for name in folders if name not in known]
    if foreign:
        hint = ''
        if {'train', 'test'} & set(foreign):
            hint = (' It was split for another purpose: unpack the published '
                    'archive.')
        elif variant.numbered and foreign[0].startswith('n'):
            hint = (' This is an older copy named by WordNet ids: use '
                    "variant='imagenet', allow_partial=True.")
        raise DataError(f'{root} holds the folder {foreign[0]!r} '
                        f'(one of {len(foreign)}), which is no class of this '
                        f'set: classes are called {", ".join(list(known)[:3])}'
                        f', ...{hint}')
    return {name: known[name] for name in folders}
