"""What the layer costs beside its host: ratios, measured in one run.

    make bench

For each case it times, in turn: a plain ViT; the same with the layer as it is
by default (``shortcut='auto'``); with keys and values formed, but only the
tokens computed that the head reads; and with every token computed. CPU time of
the process is compared, since these runs share their machine with others;
``min..max`` shows how far the ratios scattered.
"""

import time
from argparse import ArgumentParser
from dataclasses import dataclass
from statistics import median
from typing import Callable, Dict, List, Tuple

import torch
from mmengine.registry import init_default_scope
from torch import nn

import lm4ve_mm.plugin  # noqa: F401  (fills the registries)
from lm4ve_mm.llm.families import llama_meta_geometry
from lm4ve_mm.registry import MODELS

LLAMA_7B = dict(
    dim=4096, n_heads=32, n_layers=32, norm_eps=1e-6, multiple_of=256)
WIDTHS = {'tiny': 192, 'small': 384, 'base': 768}
VARIANTS = ('plain host', 'layer, default', 'kept tokens', 'every token')


@dataclass(frozen=True)
class Case:
    """A host, its pooling, a batch, and the variants to measure."""

    size: str
    pooling: str
    batch: int
    variants: Tuple[str, ...] = VARIANTS

    def __str__(self) -> str:
        return f'ViT-{self.size}, {self.pooling}, batch {self.batch}'


CASES = (
    Case('small', 'cls', 4),
    # Every token of 32 images would take minutes a step on a CPU.
    Case('small', 'cls', 32, VARIANTS[:2]),
    Case('small', 'mean', 2),
)


class Model(nn.Module):
    """A ViT with or without the layer, its last linear map included."""

    def __init__(self, case: Case, layer: nn.Module | None,
                 variant: str) -> None:
        super().__init__()
        width = WIDTHS[case.size]
        self.case, self.variant = case, variant
        self.host = MODELS.build(
            dict(
                type='mmpretrain.VisionTransformer',
                arch=f'deit-{case.size}',
                out_type='raw',
                final_norm=False))
        self.layer = layer
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 1000)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 3, 224, 224) -> (B, 1000)."""
        tokens = self.host(image)[0]
        read = slice(0, 1) if self.case.pooling == 'cls' else slice(1, None)
        if self.layer is None:
            tokens = tokens[:, read]
        elif self.variant == 'every token':
            tokens = self.layer(tokens)[:, read]
        else:
            # One layer serves all variants: its block is 0.8 GB.
            default = self.variant == 'layer, default'
            self.layer.shortcut = 'auto' if default else 'off'
            tokens = self.layer(tokens, keep=read)
        return self.head(self.norm(tokens.mean(1)))


def measure(step: Callable[[], None]) -> float:
    """Seconds of one call: of the GPU where there is one, else of the CPU."""
    if torch.cuda.is_available():
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        step()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end) / 1e3
    begun = time.process_time()
    step()
    return time.process_time() - begun


def steps_of(model: nn.Module, image: torch.Tensor) -> Dict[str, Callable]:
    """A training step and an inference of ``model``."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=1e-4)

    def train() -> None:
        optimiser.zero_grad()
        model.train()(image).square().mean().backward()
        optimiser.step()

    def infer() -> None:
        with torch.no_grad():
            model.eval()(image)

    return {'training step': train, 'inference': infer}


def run_case(case: Case, layer: nn.Module, runs: int) -> None:
    """Measure a case, its variants in turn, and print its rows."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    image = torch.randn(case.batch, 3, 224, 224, device=device)
    models = [
        Model(case, None if name == 'plain host' else layer, name)
        for name in case.variants
    ]
    steps = [steps_of(model.to(device), image) for model in models]
    for kind in ('training step', 'inference'):
        times: List[List[float]] = [[] for _ in models]
        for count in range(runs + 1):
            for index, step in enumerate(steps):
                seconds = measure(step[kind])
                if count:  # the first round warms up
                    times[index].append(seconds)
        for name, own in zip(case.variants, times, strict=True):
            ratios = [a / b for a, b in zip(own, times[0], strict=True)]
            print(
                f'{case!s:30}{kind:15}{name:18}{median(own):8.3f} s  '
                f'{median(ratios):6.2f} x  '
                f'({min(ratios):.2f}..{max(ratios):.2f})',
                flush=True)


def main() -> None:
    """Measure as the command line says."""
    parser = ArgumentParser(description='Cost of the layer beside its host')
    parser.add_argument('--runs', type=int, default=2)
    args = parser.parse_args()
    init_default_scope('mmpretrain')
    geometry = llama_meta_geometry(LLAMA_7B).to_dict()
    print('drawing a random block of LLaMA-7B geometry ...', flush=True)
    layer_of = {}
    for case in CASES:
        if case.size not in layer_of:
            layer_of[case.size] = MODELS.build(
                dict(
                    type='lm4ve_mm.FrozenLLMLayer',
                    embed_dims=WIDTHS[case.size],
                    init='random',
                    geometry=geometry))
        run_case(case, layer_of[case.size], args.runs)


if __name__ == '__main__':
    main()
