"""Counted costs against arithmetic."""

import torch
from torch import nn

from lm4ve_mm.analysis import count_cost
from lm4ve_mm.llm import FrozenLLMLayer

C, D, H, F, N = 12, 32, 4, 64, 5


class Host(nn.Module):

    def __init__(self, **options):
        super().__init__()
        self.stem = nn.Linear(C, C)
        self.layer = FrozenLLMLayer(
            C,
            init='random',
            geometry=dict(width=D, num_heads=H, ffn_dim=F),
            **options)

    def forward(self, x, keep=None):
        return self.layer(self.stem(x), keep=keep)


def block_macs(kept):
    keys_values = 2 * N * D * D
    asking = 2 * kept * D * D + 2 * kept * N * D + 3 * kept * D * F
    return keys_values + asking


def test_parts_add_up():
    model = Host()
    tokens = torch.zeros(1, N, C)
    costs = count_cost(model, lambda: model(tokens))
    host, maps, block = costs.values()
    assert list(costs) == ['host', 'maps', 'frozen block']
    assert (host.parameters, host.macs) == (C * C + C, N * C * C)
    assert (maps.parameters, maps.macs) == (2 * C * D, 2 * N * C * D)
    assert block.parameters == 4 * D * D + 3 * D * F + 3 * D
    assert block.macs == block_macs(N)
    assert (host.trainable, maps.trainable, block.trainable) == (
        host.parameters, maps.parameters, 0)


def test_kept_token_costs_less():
    model = Host()
    tokens = torch.zeros(1, N, C)
    costs = count_cost(model, lambda: model(tokens, keep=[0]))
    assert costs['frozen block'].macs == block_macs(1)
    assert costs['maps'].macs == N * C * D + C * D


def test_trained_block_is_shown_as_trainable():
    model = Host(trainable=True)
    cost = count_cost(model, lambda: model(torch.zeros(1, N, C)))
    assert cost['frozen block'].trainable == cost['frozen block'].parameters


def test_lora_and_norms_are_where_they_act():
    model = Host(norm_in=True, norm_out=True,
                 lora=dict(rank=2, targets=('attn.q', 'map_in')))
    costs = count_cost(model, lambda: model(torch.zeros(1, N, C)))
    maps, block = costs['maps'], costs['frozen block']
    assert maps.parameters == 2 * C * D + 2 * (C + D) + 4 * C
    assert maps.trainable == C * D + 2 * (C + D) + 4 * C
    assert block.parameters == 4 * D * D + 3 * D * F + 3 * D + 2 * (D + D)
    assert block.trainable == 2 * (D + D)
