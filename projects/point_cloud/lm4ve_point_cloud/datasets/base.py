"""What the data sets of point clouds share."""

from abc import abstractmethod

import numpy as np
from mmpretrain.datasets import BaseDataset

from .errors import DataError


class PointCloudDataset(BaseDataset):
    """Clouds of equal size in one array, shared by all processes.

    A sample of the pipeline has ``points`` (P, 3) float32, a read-only view,
    ``gt_label``, ``sample_idx`` and ``path``.

    Args:
        data_root (str): Where the files lie.
        serialize_data (bool): As in MMEngine, but False by default: what it
            would serialise is small, since the clouds are not part of it.
        **kwargs: Passed to :class:`mmpretrain.datasets.BaseDataset`.
    """

    def __init__(self,
                 data_root: str,
                 serialize_data: bool = False,
                 **kwargs) -> None:
        super().__init__(
            ann_file='',
            data_root=data_root,
            serialize_data=serialize_data,
            **kwargs)

    @abstractmethod
    def load_arrays(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Read points (N, P, 3), labels (N, ), and where they are from."""

    def load_data_list(self) -> list[dict]:
        """Read the arrays and check them.

        Raises:
            DataError: If a label is not one of the classes, or a coordinate
                is not finite.
        """
        points, labels, path = self.load_arrays()
        count = len(self.metainfo['classes'])
        wrong = np.flatnonzero((labels < 0) | (labels >= count))
        if len(wrong):
            raise DataError(
                f'{path}: {len(wrong)} labels are not within 0..{count - 1}, '
                f'the first is {labels[wrong[0]]} of sample {wrong[0]}. Is '
                f'this the data of {type(self).__name__} ({count} classes)?')
        bad = np.flatnonzero(~np.isfinite(points).all((1, 2)))
        if len(bad):
            raise DataError(
                f'{path}: {len(bad)} clouds have coordinates that are not '
                f'finite, the first is sample {bad[0]}')
        points.setflags(write=False)
        self.points = points
        return [
            dict(row=row, gt_label=int(label), path=path)
            for row, label in enumerate(labels)
        ]

    def get_data_info(self, idx: int) -> dict:
        """Give a sample; ``row`` is its place in the file."""
        info = super().get_data_info(idx)
        info['points'] = self.points[info['row']]
        return info

    def extra_repr(self) -> list[str]:
        """Say where the data lies."""
        return [f'Root of the data: \t{self.data_root}']


def choose(name: str, given, known, owner: str) -> None:
    """Refuse an argument that is not one of those known.

    Raises:
        ValueError: Names the argument and what would do.
    """
    if given not in known:
        raise ValueError(f'{owner} has {name} '
                         f'{", ".join(map(repr, known))}, not {given!r}')
