"""From lists of scenes to one batch."""

import torch
from mmengine.model import BaseDataPreprocessor

from lm4ve_mm.registry import MODELS


@MODELS.register_module()
class ScenePreprocessor(BaseDataPreprocessor):
    """Stacks scenes, which all have to have as many points."""

    def forward(self, data: dict, training: bool = False) -> dict:
        """Move and stack a batch.

        Args:
            data: ``inputs``, a list of (N, 3 + C) points or (K, D)
                proposals, or a batch of them; perhaps ``data_samples``.
            training: Not used.

        Returns:
            dict: ``inputs`` (B, ...) and ``data_samples`` (None if there are
            none).

        Raises:
            ValueError: If the scenes differ in size.
        """
        data = self.cast_data(data)
        inputs = data['inputs']
        if not isinstance(inputs, torch.Tensor):
            shapes = {tuple(one.shape) for one in inputs}
            if len(shapes) > 1:
                raise ValueError(
                    f'the scenes of a batch are of shapes {sorted(shapes)}: '
                    'give all as many points, with lm4ve_mm.SampleScene')
            inputs = torch.stack(list(inputs))
        return dict(inputs=inputs, data_samples=data.get('data_samples'))
