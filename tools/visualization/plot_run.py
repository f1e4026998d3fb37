"""Plot loss and accuracy of one or more work folders.

    python tools/visualization/plot_run.py work_dirs/vit_tiny_digits \
        work_dirs/vit_tiny_minilm_digits --out curves.png
"""

import json
from argparse import ArgumentParser
from pathlib import Path

from matplotlib.figure import Figure

from lm4ve_mm.utils.explain import explained

# What the toolboxes call accuracies, and what makes percent of them.
ACCURACIES = {'accuracy/': 1, 'acc/': 100}
Curves = dict[str, dict[int, float]]


def scale_of(name: str) -> int:
    """Tell what to multiply a logged value with; 0 leaves it out."""
    if name == 'loss':
        return 1
    return next((scale for prefix, scale in ACCURACIES.items()
                 if name.startswith(prefix)), 0)


def read_curves(work_dir: Path) -> Curves:
    """Collect what MMEngine logged, over all starts of a run.

    Returns:
        dict: Name -> step -> value; a resumed run overwrites what it redid.

    Raises:
        FileNotFoundError: If nothing was logged there.
    """
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(
            f'{work_dir} has no */vis_data/scalars.json: nothing was trained '
            'there, or it was moved')
    curves: Curves = {}
    for file in files:
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            step = entry.get('step', 0)
            for name, value in entry.items():
                scale = scale_of(name)
                if scale:
                    curves.setdefault(name, {})[step] = scale * value
    return curves


def draw(runs: list[tuple[str, Curves]], out: Path) -> None:
    """Draw training loss and accuracies, one line a run.

    Every logged value has a mark, and the last one its number, so that a run
    of one epoch can be read too.
    """
    names = sorted({name for _, curves in runs for name in curves})
    figure = Figure(figsize=(5 * len(names), 4))
    axes = figure.subplots(1, len(names), squeeze=False)
    for axis, name in zip(axes[0], reversed(names), strict=True):
        for label, curves in runs:
            points = sorted(curves.get(name, {}).items())
            if not points:
                continue
            axis.plot(*zip(*points, strict=True), marker='.', label=label)
            axis.annotate(f'{points[-1][1]:.4g}', points[-1], fontsize=8,
                          xytext=(3, 3), textcoords='offset points')
        # MMEngine counts iterations in training, epochs in validation.
        axis.set_xlabel('iteration' if name == 'loss' else 'epoch')
        axis.set_title('training loss' if name == 'loss' else f'{name} (%)')
        axis.grid(alpha=0.3)
    axes[0][-1].legend(fontsize=8)
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


@explained()
def main() -> None:
    """Plot as the command line says."""
    parser = ArgumentParser(description='Plot loss and accuracy of runs')
    parser.add_argument('work_dirs', nargs='+', type=Path)
    parser.add_argument('--out', type=Path, default=Path('curves.png'))
    args = parser.parse_args()
    runs = [(folder.name, read_curves(folder)) for folder in args.work_dirs]
    draw(runs, args.out)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
