"""Hosts and sizes for which the cost of the layer is measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lm4ve_mm.llm import FrozenLLMLayer
from lm4ve_mm.llm.weights.families import llama_meta_geometry
from lm4ve_mm.registry import MODELS

from .plain_block import PlainFormLayer

LLAMA_7B = llama_meta_geometry(
    dict(dim=4096, n_heads=32, n_layers=32, norm_eps=1e-6,
         multiple_of=256)).to_dict()
WIDTHS = {'tiny': 192, 'small': 384, 'base': 768}
HOST, PLAIN = 'host alone', 'plain form'
CLS = slice(0, 1)


@dataclass(frozen=True)
class Case:
    """A host, its batch, and what to measure.

    Args:
        name: To choose it by.
        size: Key of ``WIDTHS``.
        batch: Samples.
        keep: Tokens that the head reads; None means all.
        tokens: Length of the sequence that a host without patches gets; None
            for a ViT on images.
        paths: Values of ``shortcut``.
        memory: Whether to measure peak memory too.
    """

    name: str
    size: str
    batch: int
    keep: slice | None = None
    tokens: int | None = None
    paths: tuple[str, ...] = ('auto', )
    memory: bool = False

    @property
    def variants(self) -> tuple[str, ...]:
        """What is measured in turn."""
        return (HOST, *self.paths, PLAIN)


ALL_PATHS = ('auto', 'off', 'absorb', 'fold', 'fold_absorb')
CASES = (
    Case('vit_s_cls_32', 'small', 32, CLS, memory=True),
    Case('vit_s_cls_8', 'small', 8, CLS, paths=ALL_PATHS),
    Case('vit_t_cls_32', 'tiny', 32, CLS),
    Case('vit_b_cls_16', 'base', 16, CLS),
    Case('vit_s_mean_4', 'small', 4, slice(1, None),
         paths=('auto', 'off', 'fold')),
    Case('points_65_32', 'small', 32, tokens=65,
         paths=('auto', 'off', 'fold')),
    # VideoMAE's recipe takes two clips of each video.
    Case('video_784_2', 'small', 2, tokens=784,
         paths=('auto', 'off', 'fold')),
    Case('video_1568_2', 'small', 2, tokens=1568,
         paths=('auto', 'off', 'fold')),
)


def build_host(case: Case) -> nn.Module:
    """A ViT, or its encoder where tokens come from elsewhere."""
    if case.tokens is None:
        return MODELS.build(
            dict(
                type='mmpretrain.VisionTransformer',
                arch=f'deit-{case.size}',
                out_type='raw',
                final_norm=False))
    width = WIDTHS[case.size]
    return nn.TransformerEncoder(
        nn.TransformerEncoderLayer(
            width, width // 64, 4 * width, dropout=0., activation='gelu',
            batch_first=True, norm_first=True),
        num_layers=12, enable_nested_tensor=False)


class Model(nn.Module):
    """A host with or without a layer, and a head."""

    def __init__(self, case: Case, host: nn.Module, variant: str,
                 layer: nn.Module | None) -> None:
        super().__init__()
        width = WIDTHS[case.size]
        self.case, self.variant = case, variant
        self.host, self.layer = host, layer
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 1000)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Images or tokens of a batch -> (B, 1000)."""
        tokens = self.host(inputs)
        tokens = tokens if self.case.tokens else tokens[0]
        keep = self.case.keep or slice(None)
        if self.variant == HOST:
            tokens = tokens[:, keep]
        elif self.variant == PLAIN:
            tokens = self.layer(tokens)[:, keep]
        else:
            # One layer serves all paths: its block is 0.8 GB.
            self.layer.shortcut = self.variant
            tokens = self.layer(tokens, keep=self.case.keep)
        return self.head(self.norm(tokens.mean(1)))


def build_models(case: Case, layer: FrozenLLMLayer | None, device: str,
                 variants: Sequence[str]) -> dict[str, nn.Module]:
    """A model per variant, all on one host and one block.

    Args:
        case: What to build.
        layer: The layer; None if only the host alone is wanted.
        device: Where to.
        variants: Some of ``case.variants``.
    """
    host = build_host(case)

    def insert(variant: str) -> nn.Module | None:
        if variant == HOST:
            return None
        return PlainFormLayer(layer) if variant == PLAIN else layer

    return {
        name: Model(case, host, name, insert(name)).to(device)
        for name in variants
    }


def make_inputs(case: Case, device: str) -> torch.Tensor:
    """Random images, or tokens."""
    if case.tokens is None:
        return torch.randn(case.batch, 3, 224, 224, device=device)
    return torch.randn(
        case.batch, case.tokens, WIDTHS[case.size], device=device)


def make_layer(case: Case) -> FrozenLLMLayer:
    """A random block between maps of the host's width."""
    return FrozenLLMLayer(
        WIDTHS[case.size], init='random', geometry=LLAMA_7B)
