"""What is known and what is predicted of a scene."""

from mmengine.structures import BaseDataElement


class ForecastDataSample(BaseDataElement):
    """One scene.

    Metainfo: ``scene_id``, ``track_id`` (of the target), ``city``, ``path``,
    ``origin`` (2, ) and ``theta`` of its frame as float64, see
    :mod:`.frames`.

    Data, as tensors:

    * ``gt_trajs`` (A, F, 2) float64, city frame, the target first, and
      ``gt_mask`` (A, F) bool;
    * ``pred_trajs`` (K, F, 2) float64, city frame, of the target, the most
      likely first, and ``pred_scores`` (K, ) probabilities.
    """
