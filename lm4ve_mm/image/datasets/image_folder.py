"""A folder of images, one folder a class."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset
from mmpretrain.datasets.custom import find_folders
from PIL import Image

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .any_image import KINDS, header_of

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.webp', '.bmp', '.gif', '.tif',
              '.tiff', '.ppm', '.pgm')
LAYOUT = ('expected are train/CLASS/*.jpg and val/CLASS/*.jpg below the '
          'folder that data_root names')
_SHOWN = 5


def class_names(folder: str | Path) -> list[str]:
    """Names of the class folders, sorted: a label is the place of a name.

    Raises:
        DataNotFoundError: If the folder is absent or has no folder in it.
    """
    if not Path(folder).is_dir():
        raise DataNotFoundError(f'there is no folder {folder}: {LAYOUT}')
    names, _ = find_folders(str(folder))
    if not names:
        raise DataNotFoundError(
            f'{folder} has no class folder in it: {LAYOUT}')
    return names


@DATASETS.register_module()
class ImageFolder(CustomDataset):
    """Images in class folders, looked through before anything is trained.

    The beginning of every file is read once: what is special about the
    images is counted and logged, and files that are no images are named.

    Args:
        data_root (str): The folder with the splits.
        data_prefix (str): The split, ``'train'`` or ``'val'``.
        look (bool): Whether files are looked into, which takes about a
            second for ten thousand on a local disk.
        extensions (Sequence[str]): Endings of files that are images.
        **kwargs: Passed to :class:`mmpretrain.datasets.CustomDataset`.

    Raises:
        DataNotFoundError: If there are no class folders.
        DataError: If files are damaged or no images; names them.
    """

    def __init__(self,
                 data_root: str,
                 data_prefix: str = '',
                 look: bool = True,
                 extensions: Sequence[str] = EXTENSIONS,
                 **kwargs) -> None:
        self.look = look
        folder = Path(data_root or '', data_prefix)
        if not data_root:
            raise DataNotFoundError(
                "data_root is empty: name your folder, data_root='photos'; "
                f'{LAYOUT}')
        class_names(folder)
        super().__init__(data_root=data_root, data_prefix=data_prefix,
                         extensions=extensions, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One record an image."""
        try:
            records = super().load_data_list()
        except RuntimeError as error:
            raise DataError(
                f'{self.img_prefix} holds no image: {LAYOUT}, with endings '
                f'among {", ".join(EXTENSIONS)}') from error
        paths = [record['img_path'] for record in records]
        said = [f'{self.img_prefix}: {len(paths):,} images of '
                f'{len(self.CLASSES)} classes', *self._left_out()]
        if self.look:
            said += _kinds(paths, self.img_prefix)
        print_log('; '.join(said), logger='current')
        return records

    def _left_out(self) -> list[str]:
        """Files with other endings, by number."""
        endings = Counter(
            Path(name).suffix.lower() or 'no ending'
            for folder, _, names in os.walk(self.img_prefix)
            for name in names if not name.startswith('.')
            and not self.is_valid_file(name)
            and Path(folder) != Path(self.img_prefix))
        return [f'{sum(endings.values())} other files are left out '
                f'({", ".join(sorted(endings))})'] if endings else []


def _kinds(paths: Sequence[str], root: str) -> list[str]:
    """What is special about images; refuses those that cannot be read."""
    found, first = Counter(), {}
    refused = []
    for path in paths:
        try:
            with Image.open(path) as image:
                header = header_of(image)
        except (OSError, SyntaxError, ValueError,
                Image.DecompressionBombError) as error:
            reason = str(error) if os.path.getsize(path) else 'it is empty'
            refused.append(f'{path} ({reason.replace(repr(path), "it")})')
            continue
        if header.refused:
            refused.append(f'{path} ({header.refused})')
        for kind in header.kinds:
            found[kind] += 1
            first.setdefault(kind, os.path.relpath(path, root))
    if refused:
        more = f' and {len(refused) - _SHOWN} more' if refused[_SHOWN:] else ''
        raise DataError(
            f'{len(refused)} files in {root} are no images that can be used: '
            f'{", ".join(refused[:_SHOWN])}{more}. Repair or remove them')
    return [f'{count} {KINDS[kind]} (such as {first[kind]})'
            for kind, count in found.items()]
