"""mmTransformer with six proposals, as decisionforce/mmTransformer has it."""

import torch
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS

from .forecaster import Forecaster, Futures, rotations, truths
from .global_graph import take
from .heads import ProposalHead
from .losses import target_loss
from .polylines import PolylineEncoder
from .transformer import Decoder, Encoder, ScaledEmbedding, sinusoids

PLACES = ('after_social', 'agents_only', 'proposals', 'after_map')
LONGEST_HISTORY = 128


def mlp(in_channels: int, dims: int) -> nn.Sequential:
    """Linear, norm, ReLU, linear."""
    return nn.Sequential(
        nn.Linear(in_channels, dims), nn.LayerNorm(dims), nn.ReLU(),
        nn.Linear(dims, dims))


@MODELS.register_module()
class MMTransformer(Forecaster):
    """Proposals that look at the history, the map, and other agents.

    Where the paper puts the block among the three units is not published;
    ``place`` is our choice and its alternatives:

    * ``'after_social'``: tokens of all agents behind the social encoder, and
      of all lanes behind the lane encoder. What the paper's text says fits
      best, and it is where VectorNet has it.
    * ``'agents_only'``: the same without the lanes.
    * ``'proposals'``: the same with the lanes, and with the target's
      proposals, which are changed too.
    * ``'after_map'``: the proposals of all agents behind the map
      aggregator, and the lanes.

    Args:
        num_modes: K proposals.
        num_steps: F.
        dims: Width of the tokens.
        num_heads: Heads.
        hidden: Width of the feed-forward parts.
        place: One of those above; it matters only with a neck.
        neck, data_preprocessor, init_cfg: See :class:`Forecaster`.

    Raises:
        ValueError: If ``place`` is unknown.
    """

    def __init__(self,
                 num_modes: int = 6,
                 num_steps: int = 30,
                 dims: int = 128,
                 num_heads: int = 2,
                 hidden: int = 256,
                 place: str = 'after_social',
                 neck: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(dims, neck, data_preprocessor, init_cfg)
        if place not in PLACES:
            raise ValueError(
                f'place is one of {", ".join(PLACES)}, not {place!r}')
        self.place = place
        half = dims // 2
        stack = dict(dims=dims, num_heads=num_heads, hidden=hidden)
        self.history_embed = ScaledEmbedding(4, dims)
        self.register_buffer('positions', sinusoids(LONGEST_HISTORY, dims),
                             persistent=False)
        self.motion_encoder = Encoder(**stack)
        self.queries = nn.Embedding(num_modes, dims)
        self.motion_decoder = Decoder(**stack)
        self.pos_embed = mlp(2, half)
        self.fuse_proposals = mlp(half + dims, dims)
        self.lane_polylines = PolylineEncoder(7, (32, 32), depth=1)
        self.lane_embed = ScaledEmbedding(64, dims)
        self.lane_encoder = Encoder(**stack)
        self.map_decoder = Decoder(**stack)
        self.proposals_embed = mlp(num_modes * dims, dims)
        self.fuse_agents = mlp(half + dims, dims)
        self.social_encoder = Encoder(**stack)
        self.head = ProposalHead(2 * dims, num_steps)

    def motion(self, actors: Tensor, pos: Tensor) -> Tensor:
        """Unit 1: proposals (B, A, K, C) out of the histories."""
        history = self.history_embed(actors)  # (B, A, T-1, C)
        history = history + self.positions[:history.shape[-2]].to(history)
        memory = self.motion_encoder(history)
        queries = self.queries.weight.expand(*actors.shape[:2], -1, -1)
        found = self.motion_decoder(queries, memory)
        pos = pos.unsqueeze(2).expand(-1, -1, found.shape[2], -1)
        return self.fuse_proposals(torch.cat([pos, found], -1))

    def lanes(self, lanes: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Encode the map: tokens (B, L, C), and which may be looked at.

        In a scene without lanes the padding may: all of it is alike, so
        that its amount does not matter.
        """
        visible = valid | ~valid.any(1, keepdim=True)
        tokens = self.lane_embed(self.lane_polylines(lanes))
        return self.lane_encoder(tokens, visible), visible

    def social(self, proposals: Tensor, pos: Tensor, valid: Tensor
               ) -> Tensor:
        """Unit 3: a token (B, A, C) for each agent."""
        whole = self.proposals_embed(proposals.flatten(2))
        tokens = self.fuse_agents(torch.cat([pos, whole], -1))
        return self.social_encoder(tokens, valid)

    def _insert_after_map(self, proposals: Tensor, lanes: Tensor,
                          inputs: dict[str, Tensor]) -> Tensor:
        """The proposals of all agents with the lanes, and back."""
        count = proposals.shape[2]
        flat = proposals.flatten(1, 2)  # (B, A K, C)
        valid = inputs['actor_mask'].repeat_interleave(count, 1)
        tokens = torch.cat([flat, lanes], 1)
        valid = torch.cat([valid, inputs['lane_mask']], 1)
        kept = self.insert(tokens, valid, slice(0, flat.shape[1]))
        return kept.view(proposals.shape)

    def _insert_after_social(
        self, agents: Tensor, proposals: Tensor, lanes: Tensor,
        inputs: dict[str, Tensor], count: int) -> tuple[Tensor, Tensor]:
        """The first ``count`` agents, and their proposals, behind it."""
        tokens, valid = [agents], [inputs['actor_mask']]
        if self.place != 'agents_only':
            tokens.append(lanes)
            valid.append(inputs['lane_mask'])
        modes = 0
        if self.place == 'proposals':
            modes = proposals.shape[2]
            tokens.insert(0, proposals[:, 0])
            valid.insert(0, valid[0].new_ones(len(agents), modes))
        kept = self.insert(torch.cat(tokens, 1), torch.cat(valid, 1),
                           slice(0, modes + count))
        proposals = proposals[:, :count]
        if modes:
            proposals = torch.cat(
                [kept[:, None, :modes], proposals[:, 1:]], 1)
        return kept[:, modes:], proposals

    def decode(self, inputs: dict[str, Tensor],
               target_only: bool = False) -> Futures:
        """See :meth:`Forecaster.decode`."""
        pos = self.pos_embed(inputs['ctrs'])
        proposals = self.motion(inputs['actors'], pos)
        lanes, visible = self.lanes(inputs['lanes'], inputs['lane_mask'])
        proposals = self.map_decoder(proposals, lanes, visible)
        if self.neck is not None and self.place == 'after_map':
            proposals = self._insert_after_map(proposals, lanes, inputs)
        agents = self.social(proposals, pos, inputs['actor_mask'])
        count = 1 if target_only else agents.shape[1]
        if self.neck is not None and self.place != 'after_map':
            agents, proposals = self._insert_after_social(
                agents, proposals, lanes, inputs, count)
        else:
            agents = take(agents, slice(0, count))
            proposals = take(proposals, slice(0, count))
        spread = agents.unsqueeze(2).expand_as(proposals)
        return self.head(torch.cat([spread, proposals], -1))

    def loss(self, inputs: dict[str, Tensor],
             data_samples: list) -> dict[str, Tensor]:
        """Of the target alone, in the scene's frame."""
        trajs, scores = self.decode(inputs, target_only=True)
        truth, known = truths(data_samples, trajs)
        turn = rotations(data_samples, trajs)
        local = truth[:, 0] @ turn.transpose(1, 2)
        return target_loss(trajs[:, 0], scores[:, 0], local, known[:, 0],
                           inputs['ctrs'][:, 0])

    def init_host(self) -> None:
        """Xavier for all matrices; orthogonal queries, as upstream."""
        for module in self.host_modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
        nn.init.orthogonal_(self.queries.weight)
