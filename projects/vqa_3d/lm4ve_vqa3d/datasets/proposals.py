"""Proposals that some detector made beforehand, instead of points."""

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.utils.errors import DataError, DataNotFoundError


def read_proposals(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features and mask of a scene's proposals.

    Args:
        path: ``.npz`` with ``feat`` (K, D) and ``objectness`` (K, 2): the
            scores of being nothing and of being an object.

    Returns:
        tuple: (K, D) float32, and (K, ) int64, 1 on objects.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is damaged, has no proposals, or has values that
            are not finite.
    """
    if not path.is_file():
        raise DataNotFoundError(f'there are no proposals {path}')
    try:
        with np.load(path) as held:
            features, scores = held['feat'], held['objectness']
    except (KeyError, ValueError, OSError) as error:
        raise DataError(f"{path} should hold the arrays 'feat' (K, D) and "
                        f"'objectness' (K, 2): {error}") from error
    if features.ndim != 2 or scores.shape != (len(features), 2):
        raise DataError(f"{path}: 'feat' {features.shape} and 'objectness' "
                        f'{scores.shape} should be (K, D) and (K, 2)')
    if not len(features):
        raise DataError(f'{path} has no proposals: the model needs at least '
                        'one, masked or not')
    if not (np.isfinite(features).all() and np.isfinite(scores).all()):
        raise DataError(f'{path} has values that are not finite')
    return (features.astype(np.float32),
            scores.argmax(1).astype(np.int64))


@TRANSFORMS.register_module()
class LoadProposals(BaseTransform):
    """Takes proposals from ``<folder>/<scene>.npz`` instead of points.

    The answer is then learnt without the detector: ``detector=None`` in the
    model. See :func:`read_proposals` for the files.

    Args:
        folder: Of the files.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def transform(self, results: dict) -> dict:
        """Give ``proposals`` (K, D) and ``objectness_mask`` (K, )."""
        features, mask = read_proposals(
            self.folder / f'{results["scene_id"]}.npz')
        return dict(results, proposals=features, objectness_mask=mask)
