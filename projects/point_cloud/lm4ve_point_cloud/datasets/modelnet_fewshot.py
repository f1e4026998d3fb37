"""The few-shot episodes of ModelNet40."""

from pathlib import Path

import numpy as np

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.unpickling import read_pickle

from .base import PointCloudDataset, choose
from .errors import DataError
from .precision import as_float32

WITHOUT_PICKLE = (
    'Set allow_pickle=True to read the arrays in it and nothing else: the '
    'episodes of ModelNetFewshot are published as pickles only')


@DATASETS.register_module()
class ModelNetFewShot(PointCloudDataset):
    """One of the ten episodes with some classes and few examples of each.

    The labels are those of the episode, 0..way-1. A pipeline starts with
    :class:`NormalizeCloud`, as for :class:`ModelNet40`.

    Args:
        split (str): ``'train'`` (the support) or ``'test'`` (the queries).
        way (int): Classes, 5 or 10.
        shot (int): Training objects per class, 10 or 20.
        fold (int): Which episode, 0 to 9.
        data_root (str): The folder ``ModelNetFewshot``.
        allow_pickle (bool): Has to be True, since the episodes are pickles.
            Only arrays are read, anything else is an error.
        **kwargs: Passed to :class:`PointCloudDataset`.

    Raises:
        ValueError: For a split, way, shot or fold that there is not.
        DataNotFoundError: If the episode is not there.
        DataError: If it does not hold what it should.
    """

    def __init__(self,
                 split: str,
                 way: int = 5,
                 shot: int = 10,
                 fold: int = 0,
                 data_root: str = 'data/ModelNetFewshot',
                 allow_pickle: bool = False,
                 **kwargs) -> None:
        owner = type(self).__name__
        choose('the splits', split, ('train', 'test'), owner)
        choose('the ways', way, (5, 10), owner)
        choose('the shots', shot, (10, 20), owner)
        choose('the folds', fold, range(10), owner)
        self.split = split
        self.way = way
        self.allow_pickle = allow_pickle
        self.episode = Path(f'{way}way_{shot}shot', f'{fold}.pkl')
        kwargs.setdefault(
            'metainfo', dict(classes=tuple(f'{i}' for i in range(way))))
        super().__init__(data_root=data_root, **kwargs)

    def load_arrays(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Read points (N, P, 3) and labels (N, )."""
        path = Path(self.data_root, self.episode)
        found = read_pickle(path, self.allow_pickle, WITHOUT_PICKLE)
        try:
            rows = found[self.split]
            points = np.stack([row[0][:, :3] for row in rows])
            labels = np.array([int(row[1]) for row in rows], np.int64)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise DataError(
                f'{path} is no episode, a dict with lists of (points, label, '
                f'class) for train and test: {error!r}') from error
        return as_float32(points, str(path)), labels, str(path)
