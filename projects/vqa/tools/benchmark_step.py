"""What the frozen block adds to a training step of METER.

    python projects/vqa/tools/benchmark_step.py

One model is trained with its neck and without it in turn: CLIP-B/32 at 224
pixels, RoBERTa, 50 tokens of text, a random block of LLaMA-7B's geometry.
Printed are the seconds of a step (of the GPU where there is one, else of the
CPU) and their ratio, the median over rounds. Needs 12 GB, without the
optimiser 7 GB.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from mmpretrain.structures import DataSample

from lm4ve_mm import apis
from lm4ve_mm.analysis.benchmark.timing import interleave, ratios
from lm4ve_mm.registry import MODELS

CONFIG = Path(__file__).parents[1] / 'configs/meter_llama_vqav2.py'
LLAMA_7B = dict(width=4096, num_heads=32, ffn_dim=11008)
ANSWERS, WORDS, LENGTH = 3129, 50265, 50


def build() -> torch.nn.Module:
    """The model of the recipe, of random weights."""
    cfg = apis.load_config(CONFIG).model
    cfg.pop('data_preprocessor', None)
    cfg.head.answers = None
    for encoder in (cfg.image_encoder, cfg.text_encoder):
        encoder.update(init='random', checkpoint=None)
    cfg.neck.llm = dict(init='random', geometry=LLAMA_7B)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return MODELS.build(cfg).to(device).train()


def batch(size: int, pixels: int, device: torch.device
          ) -> tuple[torch.Tensor, list[DataSample]]:
    """Random images and questions of ten words."""
    samples = []
    for _ in range(size):
        sample = DataSample()
        ids = torch.randint(3, WORDS, (LENGTH, ))
        mask = (torch.arange(LENGTH) < 10).long()
        sample.set_field(torch.where(mask.bool(), ids, 1), 'text_ids')
        sample.set_field(mask, 'text_mask')
        sample.set_field(torch.rand(ANSWERS), 'gt_score')
        samples.append(sample)
    return torch.randn(size, 3, pixels, pixels, device=device), samples


def steps(model: torch.nn.Module, args: Namespace
          ) -> dict[str, Callable[[], None]]:
    """A training step without the neck, and one with it."""
    device = next(model.parameters()).device
    inputs, samples = batch(
        args.batch, model.image_encoder.image_size, device)
    optimizer = None if args.no_optimizer else torch.optim.AdamW(
        model.parameters(), lr=1e-5)
    neck = model.neck

    def step(inserted: torch.nn.Module | None) -> None:
        model.neck = inserted
        losses = model(inputs, samples, mode='loss')
        sum(losses.values()).backward()
        if optimizer is not None:
            optimizer.step()
        model.zero_grad()

    return {'METER': lambda: step(None),
            'METER + LLaMA-7B': lambda: step(neck)}


def main() -> None:
    """Measure as the command line says."""
    parser = ArgumentParser(
        description='Measure what the block adds to a step of METER')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--no-optimizer', action='store_true',
                        help='forward and backward alone')
    args = parser.parse_args()
    times = interleave(steps(build(), args), args.rounds)
    for name, seconds in times.items():
        print(f'{name:17} {median(seconds):8.3f} s')
    ratio, least, most = ratios(times, 'METER')['METER + LLaMA-7B']
    print(f'ratio {ratio:.3f} ({least:.3f} to {most:.3f}), '
          f'{args.batch} images a step')


if __name__ == '__main__':
    main()
