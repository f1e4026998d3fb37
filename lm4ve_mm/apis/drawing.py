"""What the tools share that draw test samples with predictions."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn
from torch.utils.data import Dataset

from lm4ve_mm.utils.explain import explained

from .arguments import add_config_options
from .configure import settle_images
from .launch import load_config


class Drawn(NamedTuple):
    """One sample and what a model says of it.

    Args:
        picture: What the tool draws.
        truth: Name of its class.
        guess: Name of the class that the model finds.
        score: How sure it is, 0 to 1.
        right: Whether the guess is true.
    """

    picture: Any
    truth: str
    guess: str
    score: float
    right: bool

    @classmethod
    def of(cls, picture: Any, sample: Any, names: Sequence[str]) -> 'Drawn':
        """Read a data sample of MMPretrain's or MMAction2's kind.

        Args:
            picture: What the tool draws.
            sample: With ``gt_label``, ``pred_label`` and ``pred_score``.
            names: Of the classes; those beyond have numbers.
        """
        def name(label: torch.Tensor) -> str:
            index = int(label)
            return names[index] if index < len(names) else f'class {index}'

        label = int(sample.pred_label)
        return cls(picture, name(sample.gt_label), name(sample.pred_label),
                   float(sample.pred_score[label]),
                   label == int(sample.gt_label))

    @property
    def colour(self) -> str:
        """Of the caption: black, or red for a wrong guess."""
        return 'black' if self.right else 'red'

    def caption(self, gap: str = ' ') -> str:
        """The guess with its score, or the guess and the truth."""
        if self.right:
            return f'{self.guess} {self.score:.0%}'
        return f'{self.guess},{gap}is {self.truth}'


def pick(dataset: Dataset, count: int) -> list[int]:
    """Choose ``count`` samples, the same every time.

    At random: lists may be sorted by class, or the classes take turns.
    """
    chosen = np.random.default_rng(0).permutation(len(dataset))[:count]
    return sorted(chosen.tolist())


@torch.no_grad()
def predict_each(model: nn.Module, dataset: Dataset, count: int,
                 picture: Callable[[dict], Any]) -> list[Drawn]:
    """Run samples through a model, one at a time.

    Args:
        model: In eval mode.
        dataset: Its items are what a pipeline packs.
        count: How many samples.
        picture: Item -> what the tool draws.
    """
    names = dataset.metainfo.get('classes') or ()
    drawn = []
    for index in pick(dataset, count):
        item = dataset[index]
        sample, = model.test_step(pseudo_collate([item]))
        drawn.append(Drawn.of(picture(item), sample, names))
    return drawn


def save(figure: Figure, out: Path) -> None:
    """Write a figure; folders are made."""
    figure.tight_layout(pad=0.3)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


@explained()
def draw_or_exit(description: str,
                 predict: Callable[[Config, str, int], list[Drawn]],
                 draw: Callable[[list[Drawn], Path], None], out: str,
                 count: int) -> None:
    """Run a drawing tool; a mistake of the user ends it with exit status 2.

    Args:
        description: What its help says.
        predict: Config, checkpoint, number of samples -> what to draw.
        draw: Draws it into a file.
        out: Default of ``--out``.
        count: Default of ``--count``.
    """
    parser = ArgumentParser(
        description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, default=Path(out),
                        help=f'the picture to write (default: {out})')
    parser.add_argument('--count', type=int, default=count,
                        help=f'samples to draw (default: {count})')
    add_config_options(parser)
    args = parser.parse_args()
    if args.count < 1:
        parser.error(f'--count {args.count} draws nothing')
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {args.checkpoint}')
    cfg = load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    drawn = predict(settle_images(cfg), args.checkpoint, args.count)
    draw(drawn, args.out)
    right = sum(one.right for one in drawn)
    print(f'wrote {args.out}: {right} of {len(drawn)} right')  # noqa: T201
