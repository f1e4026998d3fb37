"""What the forecasters share: modes, frames, the place of the block."""

import math
from abc import abstractmethod

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor

from lm4ve_mm.registry import MODELS

from ..upstream import is_upstream, translate
from .global_graph import take
from .preprocessor import pad

Futures = tuple[Tensor, Tensor]


def rotations(data_samples: list, like: Tensor) -> Tensor:
    """R(theta) (B, 2, 2) of the scenes, in type and place of ``like``."""
    rows = [[[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]]
            for t in (float(sample.theta) for sample in data_samples)]
    return torch.tensor(rows, dtype=like.dtype, device=like.device)


def truths(data_samples: list, like: Tensor) -> Futures:
    """Futures around each scene's origin, and which steps are known.

    The origin is taken away in fp64, before anything is rounded.

    Returns:
        tuple: (B, A, F, 2) along the axes of the city, and (B, A, F) bool,
        False on padding.
    """
    trajs = [
        (sample.gt_trajs - torch.as_tensor(
            sample.origin, device=sample.gt_trajs.device)).to(like.dtype)
        for sample in data_samples]
    known, _ = pad([sample.gt_mask for sample in data_samples])
    return pad(trajs)[0], known


class Forecaster(BaseModel):
    """A model of several futures for each agent.

    A subclass encodes and decodes in :meth:`decode` and says how it learns
    in :meth:`loss`. Published files of the two reference repositories are
    read wherever weights are loaded; what does not fit is an error, see
    :mod:`lm4ve_motion.upstream`.

    Args:
        token_dims: Width of the tokens among which the block goes.
        neck: :class:`lm4ve_mm.models.TokenInsertNeck` with the block; None
            is the host.
        data_preprocessor: By default :class:`ForecastPreprocessor`.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(self,
                 token_dims: int,
                 neck: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        cfg = dict(data_preprocessor or {})
        cfg.setdefault('type', 'lm4ve_mm.ForecastPreprocessor')
        super().__init__(MODELS.build(cfg), init_cfg)
        self.neck = None
        if neck is not None:
            self.neck = MODELS.build({**neck, 'in_channels': token_dims})

    @abstractmethod
    def decode(self, inputs: dict[str, Tensor],
               target_only: bool = False) -> Futures:
        """Forecast.

        Args:
            inputs: Of :class:`ForecastPreprocessor`.
            target_only: Whether agents beside the first of each scene are
                left out of what comes out.

        Returns:
            tuple: Trajectories (B, A or 1, K, F, 2) in the scene's frame,
            and logits (B, A or 1, K).
        """

    @abstractmethod
    def loss(self, inputs: dict[str, Tensor],
             data_samples: list) -> dict[str, Tensor]:
        """Losses by name."""

    def insert(self, tokens: Tensor, valid: Tensor,
               keep: slice | None = None) -> Tensor:
        """Run the block, if there is one, for the kept tokens."""
        if self.neck is None:
            return take(tokens, keep)
        return self.neck(tokens, valid, keep)

    def forward(self, inputs: dict[str, Tensor],
                data_samples: list | None = None, mode: str = 'tensor'):
        """Run the model.

        Args:
            inputs: Of :class:`ForecastPreprocessor`.
            data_samples: One of :class:`ForecastDataSample` for each scene.
            mode: ``'tensor'``, ``'loss'`` or ``'predict'``.

        Returns:
            What :meth:`decode` gives of all agents; losses; or the samples
            with ``pred_trajs`` (K, F, 2) in city coordinates and
            ``pred_scores`` (K, ) of the target, the most likely first.
        """
        if mode == 'tensor':
            return self.decode(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode is 'tensor', 'loss' or 'predict', not "
                         f'{mode!r}')

    def predict(self, inputs: dict[str, Tensor], data_samples: list) -> list:
        """Fill the samples with the target's futures."""
        trajs, scores = self.decode(inputs, target_only=True)
        chances = scores[:, 0].double().softmax(-1)  # (B, K)
        chances, order = torch.sort(
            chances, dim=-1, descending=True, stable=True)
        trajs = trajs[:, 0].double()
        turned = trajs @ rotations(data_samples, trajs)[:, None]
        for number, sample in enumerate(data_samples):
            origin = torch.as_tensor(sample.origin, device=trajs.device)
            sample.set_field(
                turned[number][order[number]] + origin, 'pred_trajs')
            sample.set_field(chances[number], 'pred_scores')
        return data_samples

    def init_weights(self) -> None:
        """Initialise the host; the inserted layer is left as it was built."""
        self.init_host()
        super().init_weights()

    @abstractmethod
    def init_host(self) -> None:
        """The initialisation of the reference code."""

    def host_modules(self):
        """Every module that is no part of the inserted layer."""
        for name, module in self.named_modules():
            if name != 'neck' and not name.startswith('neck.'):
                yield module

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Translate a published file; the modules inside are loaded after."""
        if not prefix and is_upstream(state_dict):
            found = translate(state_dict, self)
            print_log(
                f'Read a published {found.kind} file: {len(found.weights)} '
                f'tensors. Missing, left as initialised: {found.missing}. '
                f'Unused: {found.unexpected}.',
                logger='current')
            state_dict.clear()
            state_dict.update(found.weights)
        super()._load_from_state_dict(state_dict, prefix, *args)
