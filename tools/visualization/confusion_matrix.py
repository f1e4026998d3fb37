"""Draw which classes a trained classifier takes for which.

    python tools/visualization/confusion_matrix.py CONFIG CHECKPOINT \
        --out confusion.png

A row is a class, a column what the model says. The test set is counted.
"""

import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing

# Up to so many classes have names and numbers in the picture.
NAMED = 30
WORST = 5


def count(config: str, checkpoint: str,
          options: dict) -> tuple[Tensor, list[str]]:
    """Test a model.

    Returns:
        tuple: (C, C) counts, true class by predicted class; the C names.
    """
    cfg = apis.load_config(config)
    cfg.merge_from_dict(options)
    cfg.launcher = 'none'
    cfg.load_from = checkpoint
    cfg.test_evaluator = dict(type='mmpretrain.ConfusionMatrix')
    with tempfile.TemporaryDirectory() as folder:
        cfg.work_dir = folder
        runner = apis.load_strictly(apis.build_or_exit(cfg))
        matrix = apis.test_or_exit(runner)['confusion_matrix/result']
    names = runner.test_dataloader.dataset.metainfo.get('classes') or ()
    known = [str(name).partition(',')[0] for name in names]
    return matrix, known + [f'class {k}' for k in
                            range(len(known), len(matrix))]


def draw(matrix: Tensor, names: Sequence[str], out: Path) -> None:
    """Draw the share of each class's images that goes to each class."""
    shares = matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    named = len(names) <= NAMED
    side = 2 + (0.4 * len(names) if named else 7)
    figure = Figure(figsize=(side, side))
    axis = figure.subplots()
    axis.imshow(shares.numpy(), cmap='Blues', vmin=0, vmax=1)
    axis.set_xlabel('prediction')
    axis.set_ylabel('class')
    if named:
        axis.set_xticks(range(len(names)), names, rotation=90)
        axis.set_yticks(range(len(names)), names)
        for row, column in matrix.nonzero().tolist():
            axis.text(column, row, int(matrix[row, column]), ha='center',
                      va='center', fontsize=8, color='white'
                      if shares[row, column] > 0.5 else 'black')
    drawing.save(figure, out)


def worst(matrix: Tensor, names: Sequence[str]) -> list[str]:
    """The pairs that are confused most often, in words."""
    wrong = matrix.clone()
    wrong.fill_diagonal_(0)
    order = wrong.flatten().argsort(descending=True, stable=True)[:WORST]
    pairs = [divmod(int(place), len(names)) for place in order]
    return [f'{int(wrong[row, column])} of {int(matrix[row].sum())} images '
            f'of {names[row]!r} are taken for {names[column]!r}'
            for row, column in pairs if wrong[row, column]]


@apis.explained()
def main() -> None:
    """Test and draw as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, default=Path('confusion.png'),
                        help='the picture to write (default: confusion.png)')
    apis.add_config_options(parser)
    args = parser.parse_args()
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {args.checkpoint}')
    matrix, names = count(args.config, args.checkpoint, args.cfg_options)
    draw(matrix, names, args.out)
    for line in worst(matrix, names):
        print(line)
    print(f'wrote {args.out}: {int(matrix.diagonal().sum())} of '
          f'{int(matrix.sum())} right')


if __name__ == '__main__':
    main()
