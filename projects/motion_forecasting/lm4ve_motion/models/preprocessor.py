"""From lists of scenes to padded batches."""

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from lm4ve_mm.registry import MODELS


def pad(rows: list[Tensor], least: int = 0) -> tuple[Tensor, Tensor]:
    """Stack scenes (N_i, ...) into (B, N, ...), zeros at the end.

    Args:
        rows: One tensor for each scene.
        least: N is at least so much.

    Returns:
        tuple: The batch, and (B, N) bool, which of it is no padding.
    """
    size = max(least, *(len(one) for one in rows))
    batch = rows[0].new_zeros((len(rows), size, *rows[0].shape[1:]))
    valid = torch.zeros((len(rows), size), dtype=torch.bool,
                        device=batch.device)
    for number, one in enumerate(rows):
        batch[number, :len(one)] = one
        valid[number, :len(one)] = True
    return batch, valid


@MODELS.register_module()
class ForecastPreprocessor(BaseDataPreprocessor):
    """Pads a batch of scenes.

    ``inputs`` become ``actors`` (B, A, T-1, C), ``ctrs`` (B, A, 2),
    ``actor_mask`` (B, A), ``lanes`` (B, L, 9, 7) and ``lane_mask`` (B, L);
    the masks are True where there is something. L is at least 1: a batch
    without lanes has one of padding.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Move and pad a batch.

        Args:
            data: ``inputs`` with lists ``actors``, ``ctrs`` and ``lanes``,
                and perhaps ``data_samples``.
            training: Not used.

        Returns:
            dict: ``inputs`` and ``data_samples`` (None if there are none).
        """
        data = self.cast_data(data)
        given = data['inputs']
        actors, actor_mask = pad(list(given['actors']))
        lanes, lane_mask = pad(list(given['lanes']), least=1)
        inputs = dict(
            actors=actors, actor_mask=actor_mask,
            ctrs=pad(list(given['ctrs']))[0], lanes=lanes,
            lane_mask=lane_mask)
        return dict(inputs=inputs, data_samples=data.get('data_samples'))
