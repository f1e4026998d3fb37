"""scikit-learn's bundled handwritten digits as an MMPretrain data set."""

from functools import cache

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
        levels, labels, places = read_digits(self.split)
        grey = (levels * 255).round()
        images = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
        return [
            dict(
                img=image,
                img_shape=image.shape[:2],
                ori_shape=image.shape[:2],
                gt_label=int(label),
                sample_idx=int(place))
            for image, label, place in zip(images, labels, places)
        ]


@cache
def read_digits(split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the digits of a split.

    Args:
        split: ``'train'`` or ``'test'``.

    Returns:
        tuple: Ink (N, 8, 8) from 0 to 1, labels (N, ), and the places (N, )
        among all 1,797.

    Raises:
        ImportError: If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'The digits come with scikit-learn, which is not installed: '
            'pip install scikit-learn, or this package with [demo].'
        ) from error
    data = load_digits()
    order = np.random.RandomState(SPLIT_SEED).permutation(len(data.target))
    chosen = order[:NUM_TRAIN] if split == 'train' else order[NUM_TRAIN:]
    return data.images[chosen] / MAX_LEVEL, data.target[chosen], chosen
