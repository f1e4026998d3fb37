"""The outcome of a test of information filtering: rows, a table, a chart."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import nn

from lm4ve_mm.utils.errors import DataError

from .activation import token_activation
from .features import Looked, look
from .filtering import (
    BASELINES,
    MEASURES,
    MaskScore,
    mask_to_tokens,
    score_masks,
)
from .pictures import ImagePicture

BASELINE = 'baseline'
PIXELS = 'pixels'
INVERTED = 'inverted_'
COLUMNS = ('step', 'measure', *MaskScore._fields)
# How every question that the paper leaves open is answered here.
PROTOCOL = dict(
    tokens='places of the picture alone, also in the mean',
    frequency='angles are not wrapped; real bins have the angle 0 or pi',
    branches='streams after each residual; ffn before the final norm',
    mask_to_tokens='at least half of a patch; else the most covered token',
    ignored='tokens of which more than half is ignored do not count',
    foreground='every annotated class',
    thresholds='0.1 to 0.9, strictly greater',
    mean='over images; interval: 95 %, bootstrap over images')


def score_model(model: nn.Module, batches: Iterable[tuple[dict, list]]
                ) -> list[dict[str, Any]]:
    """Score every step and measure of a model, and the baselines.

    Args:
        model: In eval mode.
        batches: Of each batch, what a data loader gives, and of each sample
            (foreground, ignored), (H, W) bool, as the model sees the image.

    Returns:
        list: Rows with the keys of :data:`COLUMNS`. Of every measure there
        is the inverted one too; rows of the step ``baseline`` are scores of
        no model; ``pixels`` is the magnitude of the raw patches.

    Raises:
        DataError: If there are no images.
    """
    scores: dict[tuple[str, str], list] = defaultdict(list)
    truths, counts = [], []
    for data, masks in batches:
        looked = look(model, data)
        grids = [picture.grid for picture in looked.pictures]
        for grid, (foreground, ignored) in zip(grids, masks, strict=True):
            number = len(truths)
            truth, counted = mask_to_tokens(foreground, grid, ignored)
            truths.append(truth)
            counts.append(counted)
            for name, baseline in BASELINES.items():
                scores[BASELINE, name].append(baseline(grid, number))
        for picture in looked.pictures:
            scores[BASELINE, PIXELS].append(_pixels(picture))
        for key, values in _maps(looked).items():
            scores[key] += [row.reshape(grid)
                            for row, grid in zip(values, grids)]
    if not truths:
        raise DataError('there are no images to look into')
    order = sorted(scores, key=lambda key: key[0] == BASELINE)
    return [dict(step=step, measure=measure,
                 **score_masks(scores[step, measure], truths,
                               counts)._asdict())
            for step, measure in order]


def _pixels(picture: ImagePicture) -> np.ndarray:
    """The magnitude of the patches themselves, as if they were tokens."""
    (rows, columns), image = picture.grid, picture.image
    height, width = image.shape[0] // rows, image.shape[1] // columns
    patches = image.reshape(rows, height, columns, width, -1).swapaxes(1, 2)
    tokens = torch.from_numpy(patches.reshape(1, rows * columns, -1).copy())
    return token_activation(tokens.float())[0].numpy().reshape(rows, columns)


def _maps(looked: Looked) -> dict[tuple[str, str], np.ndarray]:
    found = {}
    for (step, measure), values in looked.maps().items():
        found[step, measure] = values.cpu().numpy()
        found[step, INVERTED + measure] = 1 - found[step, measure]
    return found


def as_metrics(rows: list[dict]) -> dict[str, float]:
    """The scores as percent, by names such as ``host/magnitude``.

    ``output`` is what the head reads: the last step of the model.
    """
    found = {f'{row["step"]}/{row["measure"]}': 100 * row['oracle']
             for row in rows if not row['measure'].startswith(INVERTED)}
    last = [row['step'] for row in rows if row['step'] != BASELINE][-1]
    found.update({f'output/{measure}': found[f'{last}/{measure}']
                  for measure in MEASURES})
    return found


def value_of(rows: list[dict], step: str, measure: str,
             field: str = 'oracle') -> float:
    """One number of a report; NaN where there is none."""
    for row in rows:
        if (row['step'], row['measure']) == (step, measure):
            return row[field]
    return float('nan')


def table(rows: list[dict]) -> str:
    """Put a report into lines for people."""
    lines = [f'{"step":10} {"measure":20} {"mIoU":>6}  {"95 %":15} '
             f'{"one threshold":>13}']
    for row in rows:
        interval = f'[{row["low"]:.3f}, {row["high"]:.3f}]'
        lines.append(f'{row["step"]:10} {row["measure"]:20} '
                     f'{row["oracle"]:6.3f}  {interval:15} '
                     f'{row["shared"]:7.3f} at {row["threshold"]:.1f}')
    first = rows[0]
    lines.append(
        f'{first["images"]} images; {first["empty"]} without foreground are '
        'left out. mIoU takes the best threshold of each image with the mask '
        'in hand (the paper): compare with the baselines, not with 0.')
    return '\n'.join(lines)


def write_csv(rows: list[dict], out: Path) -> None:
    """Write one line a row."""
    with open(out, 'w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def draw(rows: list[dict], out: Path) -> None:
    """Draw a bar for each step and measure; baselines as lines."""
    from matplotlib.figure import Figure
    steps = list(dict.fromkeys(
        row['step'] for row in rows if row['step'] != BASELINE))
    measures = [name for name in ('magnitude', 'frequency', 'attention')
                if any(row['measure'] == name for row in rows)]
    figure = Figure((2 + 1.1 * len(steps), 3.4), layout='constrained')
    axes = figure.subplots()
    width = .8 / len(measures)
    for place, measure in enumerate(measures):
        values = [value_of(rows, step, measure) for step in steps]
        axes.bar([k + (place - (len(measures) - 1) / 2) * width
                  for k in range(len(steps))], values, width, label=measure)
    styles = ('--', ':', '-.', (0, (1, 3)))
    for style, name in zip(styles, (*BASELINES, PIXELS)):
        axes.axhline(value_of(rows, BASELINE, name), color='black',
                     linestyle=style, linewidth=1,
                     label=name.replace('_', ' '))
    axes.set_xticks(range(len(steps)), steps)
    axes.set_ylabel('mIoU, best threshold of each image')
    axes.legend(fontsize=8)
    figure.savefig(out, dpi=150)


def batches_of(dataset, masks_of: Callable,
               size: int) -> Iterable[tuple[dict, list]]:
    """Read a data set with masks, in its order.

    Args:
        dataset: With ``masks(record)``.
        masks_of: Moves masks as the pipeline moves images.
        size: Of a batch.
    """
    for start in range(0, len(dataset), size):
        items, masks = [], []
        for index in range(start, min(start + size, len(dataset))):
            record = dataset.get_data_info(index)
            masks.append(masks_of(dataset.masks(record)))
            items.append(dataset.pipeline(record))
        yield pseudo_collate(items), masks
