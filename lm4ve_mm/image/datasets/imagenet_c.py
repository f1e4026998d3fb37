"""ImageNet-C: 15 corruptions of the 50,000 test images, 5 severities each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmpretrain.datasets import BaseDataset
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError

from .imagenet_variants import IMAGES, VARIANTS, class_folders

# Archive -> the corruptions in it, in the order of the paper's tables.
ARCHIVES = dict(
    noise=('gaussian_noise', 'shot_noise', 'impulse_noise'),
    blur=('defocus_blur', 'glass_blur', 'motion_blur', 'zoom_blur'),
    weather=('snow', 'frost', 'fog', 'brightness'),
    digital=('contrast', 'elastic_transform', 'pixelate',
             'jpeg_compression'))
CORRUPTIONS = tuple(name for names in ARCHIVES.values() for name in names)
# Kept for choosing hyperparameters: in no mean.
EXTRA = ('speckle_noise', 'gaussian_blur', 'spatter', 'saturate')
SEVERITIES = (1, 2, 3, 4, 5)
COUNT = 50_000


@DATASETS.register_module()
class ImageNetC(BaseDataset):
    """ImageNet-C (arXiv 1903.12261), as its archives unpack.

    ``<corruption>/<severity>/<class>/<image>``, or the same below the names
    of the archives (``noise/gaussian_noise/...``). One corruption is listed
    and the others' paths are derived, so that 3.75 million images need the
    memory of 50,000. The pipeline must not resize: the images are 224x224.

    Args:
        data_root (str): The folder with the corruptions.
        corruptions (Sequence[str]): Which; by default the 15.
        severities (Sequence[int]): Which; by default 1 to 5.
        subset (int, optional): So many images instead of all: the same,
            drawn by ``seed``, for every corruption.
        seed (int): Of the subset.
        allow_partial (bool): Whether fewer than 50,000 images are accepted.
        **kwargs: Passed to :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        ConfigError: If a corruption or a severity is unknown.
        DataNotFoundError: If a corruption's folder is absent.
        DataError: If folders of it differ from each other.
    """

    METAINFO = dict(classes=IMAGENET_CATEGORIES)

    def __init__(self,
                 data_root: str,
                 corruptions: Sequence[str] = CORRUPTIONS,
                 severities: Sequence[int] = SEVERITIES,
                 subset: int | None = None,
                 seed: int = 0,
                 allow_partial: bool = False,
                 **kwargs) -> None:
        for name, given, known in (
                ('corruptions', corruptions, CORRUPTIONS + EXTRA),
                ('severities', severities, SEVERITIES)):
            foreign = [value for value in given if value not in known]
            if foreign or not given:
                raise ConfigError(
                    f'{name}={list(given)}: {foreign or "nothing"} is '
                    f'unknown; known: {", ".join(map(str, known))}')
        self.sets = [(name, severity) for name in corruptions
                     for severity in severities]
        self.subset, self.seed = subset, seed
        self.allow_partial = allow_partial
        self._folders: dict[tuple[str, int], str] = {}
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One record an image of the first set."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise DataNotFoundError(
                f'there is no folder {root} for imagenet_c: unpack '
                f'{", ".join(f"{name}.tar" for name in ARCHIVES)} of '
                'zenodo.org/records/2235448 there')
        self._folders = {key: str(self._folder(root, *key))
                         for key in self.sets}
        labels = {}
        for folder in self._folders.values():
            found = class_folders(Path(folder), VARIANTS['imagenet'])
            labels = labels or found
            if found != labels:
                lacks = sorted(labels.keys() ^ found.keys())
                raise DataError(
                    f'{folder} has not the classes of '
                    f'{self._folders[self.sets[0]]}: {", ".join(lacks[:5])} '
                    'are in one of them alone. Unpack the archive again')
        first = Path(self._folders[self.sets[0]])
        records = [
            dict(img_path=f'{name}/{file.name}', gt_label=label)
            for name, label in labels.items()
            for file in sorted((first / name).iterdir())
            if file.suffix in IMAGES
        ]
        self._check(first, len(records))
        if self.subset is not None and self.subset < len(records):
            chosen = np.random.default_rng(self.seed).permutation(
                len(records))[:self.subset]
            records = [records[k] for k in sorted(chosen)]
        return records

    def _folder(self, root: Path, name: str, severity: int) -> Path:
        """Where a set lies, in either layout."""
        places = [root / name / str(severity)]
        places += [root / archive / name / str(severity)
                   for archive in (*ARCHIVES, 'extra')]
        for place in places:
            if place.is_dir():
                return place
        raise DataNotFoundError(
            f'{root} has no {name}/{severity}: unpack all archives of '
            'ImageNet-C, or name what is there in corruptions=[...] (mean and '
            'mCE are then not given)')

    def _check(self, folder: Path, images: int) -> None:
        if images == COUNT or self.allow_partial and images:
            return
        raise DataError(
            f'{folder} holds {images:,} images instead of {COUNT:,}: unpack '
            'it again, or set allow_partial=True')

    def __len__(self) -> int:
        """Images times sets."""
        return super().__len__() * len(self.sets)

    def get_data_info(self, idx: int) -> dict:
        """The record of one image of one set."""
        number, place = divmod(idx, super().__len__())
        name, severity = self.sets[number]
        record = super().get_data_info(place)
        record['img_path'] = str(
            Path(self._folders[name, severity]) / record['img_path'])
        record['group'] = f'imagenet_c/{name}/{severity}'
        record['sample_idx'] = idx
        return record
