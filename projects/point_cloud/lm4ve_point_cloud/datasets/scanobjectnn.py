"""ScanObjectNN: objects cut from scans of rooms, 15 classes."""

from pathlib import Path

import numpy as np

from lm4ve_mm.registry import DATASETS

from .base import PointCloudDataset, choose
from .files import read_h5

# Per official variant: the end of the file names, and whether the points
# around the object are kept.
VARIANTS = {
    'obj_bg': ('', True),
    'obj_only': ('', False),
    'pb_t25': ('_augmented25_norot', True),
    'pb_t25_r': ('_augmented25rot', True),
    'pb_t50_r': ('_augmentedrot', True),
    'pb_t50_rs': ('_augmentedrot_scale75', True),
    'pb_t25_nobg': ('_augmented25_norot', False),
    'pb_t25_r_nobg': ('_augmented25rot', False),
    'pb_t50_r_nobg': ('_augmentedrot', False),
    'pb_t50_rs_nobg': ('_augmentedrot_scale75', False),
}
FILE_STARTS = dict(train='training', test='test')
FOLDS = ('main', 1, 2, 3, 4)
HOW_TO_GET = (
    'ScanObjectNN is sent on request (hkust-vgl.github.io/scanobjectnn); '
    'unpack h5_files.zip so that data_root holds main_split/ and '
    'main_split_nobg/')


def file_of(root: str | Path,
            split: str,
            variant: str,
            fold: str | int = 'main') -> Path:
    """Name the file of a split."""
    ending, background = VARIANTS[variant]
    folder = 'main_split' if fold == 'main' else f'split{fold}'
    if not background:
        folder += '_nobg'
    return Path(root, folder, f'{FILE_STARTS[split]}_objectdataset{ending}.h5')


@DATASETS.register_module()
class ScanObjectNN(PointCloudDataset):
    """ScanObjectNN in its HDF5 files (Uy et al., ICCV 2019).

    Each cloud has 2048 points, used as they are stored: neither centred nor
    scaled, as in Point-BERT. The vertical axis is y.

    Args:
        split (str): ``'train'`` or ``'test'``.
        variant (str): ``'obj_bg'``, ``'obj_only'`` or ``'pb_t50_rs'`` (the
            hardest) of the papers, or another of :data:`VARIANTS`.
        fold (str | int): ``'main'``, or 1 to 4 for the further splits.
        data_root (str): The folder that holds ``main_split``.
        **kwargs: Passed to :class:`PointCloudDataset`.

    Raises:
        ValueError: For an unknown split, variant or fold.
        DataNotFoundError: If the file is not there.
        DataError: If the file does not hold what it should.
    """

    METAINFO = dict(
        classes=('bag', 'bin', 'box', 'cabinet', 'chair', 'desk', 'display',
                 'door', 'shelf', 'table', 'bed', 'pillow', 'sink', 'sofa',
                 'toilet'))

    def __init__(self,
                 split: str,
                 variant: str = 'pb_t50_rs',
                 fold: str | int = 'main',
                 data_root: str = 'data/ScanObjectNN',
                 **kwargs) -> None:
        owner = type(self).__name__
        choose('the splits', split, FILE_STARTS, owner)
        choose('the variants', variant, VARIANTS, owner)
        choose('the folds', fold, FOLDS, owner)
        self.split = split
        self.variant = variant
        self.fold = fold
        super().__init__(data_root=data_root, **kwargs)

    @property
    def file(self) -> Path:
        """The file of this split."""
        return file_of(self.data_root, self.split, self.variant, self.fold)

    def load_arrays(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Read points (N, 2048, 3) and labels (N, )."""
        points, labels = read_h5(self.file, HOW_TO_GET)
        return points, labels, str(self.file)
