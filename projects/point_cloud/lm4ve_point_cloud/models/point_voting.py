"""Point-BERT's voting at test time."""

import torch
from mmengine.model import BaseTTAModel
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS


@MODELS.register_module()
class PointVoteTTA(BaseTTAModel):
    """Classifies each cloud several times, with the training's randomness.

    A test set is loaded once, each cloud sampled to somewhat more points
    than the model takes (1200 for 1024). A vote draws a subset of the size
    that the model takes, shared by the batch, and scales and shifts every
    cloud at random, all as in training. One run of voting averages the raw
    logits of its votes, not their softmax. Upstream makes nine such runs
    over the test set and reports the best; :class:`VoteAccuracy` gives that,
    and the mean.

    The plain prediction is made too. By the greedy rule of farthest point
    sampling the first P of the sampled points are what sampling P would have
    given, so that it equals a test without votes.

    Args:
        module (dict or nn.Module): The classifier.
        num_votes (int): Votes of a run. Defaults to 10.
        num_runs (int): Independent runs. Defaults to 9.
        data_preprocessor (dict, optional): For a classifier without one.

    Raises:
        ValueError: If there is nothing to count.
    """

    def __init__(self,
                 module: dict | nn.Module,
                 num_votes: int = 10,
                 num_runs: int = 9,
                 data_preprocessor: dict | None = None) -> None:
        if num_votes < 1 or num_runs < 1:
            raise ValueError(f'num_votes={num_votes} and num_runs={num_runs} '
                             'both have to be at least 1')
        super().__init__(module, data_preprocessor)
        self.num_votes = num_votes
        self.num_runs = num_runs

    @torch.no_grad()
    def test_step(self, data: dict) -> list[DataSample]:
        """Predict a batch, plainly and by votes.

        Args:
            data (dict): ``inputs`` (B, A, 3) and ``data_samples``, A points
                in the order of their sampling.

        Returns:
            list: The samples with the plain ``pred_score`` and
            ``pred_label``, and with ``vote_logits`` (runs, classes).
        """
        model = self.module
        data = model.data_preprocessor.batch(data)
        points = data['inputs']  # (B, A, 3)
        plain = points[:, :model.data_preprocessor.num_points]
        samples = model(plain, data['data_samples'], mode='predict')
        runs = torch.stack([self._run(points) for _ in range(self.num_runs)])
        return self.merge_preds([[sample, votes] for sample, votes in zip(
            samples, runs.transpose(0, 1), strict=True)])

    def _run(self, points: Tensor) -> Tensor:
        """(B, A, 3) -> (B, classes), the mean logits of one run."""
        model = self.module
        return torch.stack([
            model(model.data_preprocessor.augment(points), mode='tensor')
            for _ in range(self.num_votes)
        ]).mean(0)

    def merge_preds(self, data_samples_list: list) -> list[DataSample]:
        """Put the votes into the samples.

        Args:
            data_samples_list: Pairs of a plain prediction and logits
                (runs, classes).
        """
        for sample, votes in data_samples_list:
            sample.set_field(votes, 'vote_logits')
        return [sample for sample, _ in data_samples_list]
