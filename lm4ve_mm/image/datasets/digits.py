"""scikit-learn's bundled handwritten digits as an MMPretrain data set."""


import numpy as np
from mmpretrain.datasets import BaseDataset

from lm4ve_mm.registry import DATASETS

SPLIT_SEED = 0
NUM_TRAIN = 1400
# Pixels of the bundled images are integers from 0 to 16.
MAX_LEVEL = 16


@DATASETS.register_module()
class Digits(BaseDataset):
    """The 1,797 real 8x8 digits of the UCI test set, without a download.

    The split is fixed: a permutation drawn with seed 0, its first 1,400
    images for training and the other 397 for testing.

    Args:
        split (str): ``'train'`` or ``'test'``.
        **kwargs: Passed to :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        ValueError: If ``split`` is neither of the two.
        ImportError: If scikit-learn is not installed.
    """

    METAINFO = dict(classes=tuple(str(digit) for digit in range(10)))

    def __init__(self, split: str, **kwargs) -> None:
        if split not in ('train', 'test'):
            raise ValueError(
                f"Digits has the splits 'train' and 'test', not {split!r}")
        self.split = split
        super().__init__(ann_file='', **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the images: ``img`` is (8, 8, 3) uint8, the levels 0..255."""
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            raise ImportError(
                'The digits come with scikit-learn, which is not installed: '
                'pip install scikit-learn, or this package with [demo].'
            ) from error
        data = load_digits()
        order = np.random.RandomState(SPLIT_SEED).permutation(len(data.target))
        if self.split == 'train':
            chosen = order[:NUM_TRAIN]
        else:
            chosen = order[NUM_TRAIN:]
        grey = (data.images[chosen] * (255 / MAX_LEVEL)).round()
        images = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
        return [
            dict(
                img=image,
                img_shape=image.shape[:2],
                ori_shape=image.shape[:2],
                gt_label=int(data.target[index]),
                sample_idx=int(index))
            for image, index in zip(images, chosen)
        ]
