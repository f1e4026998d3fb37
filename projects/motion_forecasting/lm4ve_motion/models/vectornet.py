"""VectorNet, as ziqipang/StreamingForecasting re-implemented it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS

from .forecaster import Forecaster, Futures, rotations, truths
from .global_graph import GlobalGraph
from .heads import DisplacementHead
from .losses import all_actors_loss
from .polylines import PolylineEncoder, encode_valid

SECOND = 10  # steps


@MODELS.register_module()
class VectorNet(Forecaster):
    """A token for each agent and lane, a global graph, six futures each.

    The block sees the tokens of all agents and lanes behind the global
    graph; only those of the agents (of the target, in a test) go on and are
    computed.

    Args:
        num_modes: K.
        num_steps: F.
        widths: Of the polyline encoders; tokens are twice the last.
        graph_depth: Layers of the global graph.
        single_head: Whether a further branch forecasts one future, as in the
            reference, where its loss compares two frames. Off by default;
            when on, its loss is computed in one frame.
        learn_from: ``'all'``: every agent's future is learnt, as in the
            reference; ``'target'``: the target's alone, as in the first
            VectorNet. With few scenes that is learnt sooner, since only the
            target heads to +x.
        correct_velocity: Whether the modes correct a motion at the mean
            velocity of the last second, instead of starting from nothing as
            in the reference. Of no parameters; helps where scenes are few.
        score_spread: Metres. 0: the mode that ends nearest to the truth is
            the right one and all others are wrong, as in the reference;
            above 0 those that end nearly as near are nearly as right.
        likeliest_share: From 0, the reference's, to 1: how much of the
            regression goes to the likeliest mode instead of the one that
            ends nearest. It then stays in the middle of what may happen, a
            better single guess, and the other modes lie around it.
        neck, data_preprocessor, init_cfg: See :class:`Forecaster`.

    Raises:
        ValueError: If ``learn_from`` is unknown, ``score_spread`` negative
            or ``likeliest_share`` not from 0 to 1.
    """

    def __init__(self,
                 num_modes: int = 6,
                 num_steps: int = 30,
                 widths: Sequence[int] = (32, 64, 128),
                 graph_depth: int = 1,
                 single_head: bool = False,
                 learn_from: str = 'all',
                 correct_velocity: bool = False,
                 score_spread: float = 0.,
                 likeliest_share: float = 0.,
                 neck: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        dims = 2 * widths[-1]
        super().__init__(dims, neck, data_preprocessor, init_cfg)
        if learn_from not in ('all', 'target'):
            raise ValueError("learn_from is 'all' or 'target', not "
                             f'{learn_from!r}')
        if score_spread < 0:
            raise ValueError(f'score_spread={score_spread} metres has to be '
                             'at least 0')
        if not 0 <= likeliest_share <= 1:
            raise ValueError(f'likeliest_share={likeliest_share} has to be '
                             'from 0 to 1')
        self.score_spread = score_spread
        self.likeliest_share = likeliest_share
        self.target_only = learn_from == 'target'
        self.correct_velocity = correct_velocity
        self.num_steps = num_steps
        self.actor_encoder = PolylineEncoder(6, widths)
        self.lane_encoder = PolylineEncoder(7, widths)
        self.graph = GlobalGraph(dims, graph_depth)
        self.head = DisplacementHead(dims, num_modes, num_steps)
        self.single = None
        if single_head:
            self.single = DisplacementHead(dims, 1, num_steps).modes[0]

    def encode(self, inputs: dict[str, Tensor],
               target_only: bool = False) -> Tensor:
        """Tokens (B, A or 1, C) of the agents."""
        tokens = torch.cat([
            encode_valid(self.actor_encoder, inputs['actors'],
                         inputs['actor_mask']),
            encode_valid(self.lane_encoder, inputs['lanes'],
                         inputs['lane_mask'])], 1)
        valid = torch.cat([inputs['actor_mask'], inputs['lane_mask']], 1)
        keep = slice(0, 1 if target_only else inputs['actors'].shape[1])
        if self.neck is None:
            return self.graph(tokens, valid, keep)
        return self.insert(self.graph(tokens, valid), valid, keep)

    def drift(self, actors: Tensor) -> Tensor | None:
        """Displacements (B, A, F, 2) at the velocity of the last second.

        Steps that were not seen, or have no step before them, do not count.
        """
        if not self.correct_velocity:
            return None
        seen = actors[..., 4]
        # At a track's first row the reference's dx and dy are a position.
        before = torch.cat([torch.zeros_like(seen[..., :1]), seen[..., :-1]],
                           -1)
        before[..., 0] = seen[..., 0]
        known = (seen * before)[..., -SECOND:, None]
        total = (actors[..., -SECOND:, 2:4] * known).sum(-2)
        velocity = total / known.sum(-2).clamp(min=1)
        steps = torch.arange(1, self.num_steps + 1).to(velocity)
        return velocity.unsqueeze(-2) * steps[:, None]

    def decode(self, inputs: dict[str, Tensor],
               target_only: bool = False) -> Futures:
        """See :meth:`Forecaster.decode`."""
        tokens = self.encode(inputs, target_only)
        return self.forecast(tokens, inputs)

    def forecast(self, tokens: Tensor, inputs: dict[str, Tensor]) -> Futures:
        """Futures of the first actors, as many as there are tokens."""
        count = tokens.shape[1]
        return self.head(tokens, inputs['ctrs'][:, :count],
                         self.drift(inputs['actors'][:, :count]))

    def loss(self, inputs: dict[str, Tensor],
             data_samples: list) -> dict[str, Tensor]:
        """Cross-entropy and SmoothL1 over agents, along city axes."""
        tokens = self.encode(inputs, self.target_only)
        count = tokens.shape[1]
        ctrs = inputs['ctrs'][:, :count]
        trajs, scores = self.forecast(tokens, inputs)
        turn = rotations(data_samples, trajs)  # (B, 2, 2)
        truth, known = (x[:, :count] for x in truths(data_samples, trajs))
        losses = all_actors_loss(
            trajs @ turn[:, None, None], scores, truth, known,
            self.score_spread, self.likeliest_share)
        if self.single is not None:
            one = self.single(tokens).unflatten(-1, (-1, 2))
            one = (one + ctrs[..., None, :]) @ turn[:, None]
            losses['loss_single'] = all_actors_loss(
                one[:, :, None], scores[..., :1], truth, known)['loss_reg']
        return losses

    def init_host(self) -> None:
        """Xavier for weights, and U(0, 1) for biases, as in the reference."""
        for module in self.host_modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.uniform_(module.bias)
