"""Draw where the frozen block goes: the picture in the README.

    python tools/visualization/draw_insertion.py docs/images/insertion.png
"""

from argparse import ArgumentParser
from itertools import pairwise
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

TRAINED, FROZEN, PLAIN = '#f6d5a8', '#bcd7ee', '#e9e9e9'
# Text, width, colour; left to right.
BOXES = [
    ('image, clip,\npoints, ...', 1.5, PLAIN),
    ('host\nencoder', 1.6, TRAINED),
    ('map in\n$C \\to D$', 1.2, TRAINED),
    ('block of a\nlanguage model', 2.2, FROZEN),
    ('map out\n$D \\to C$', 1.2, TRAINED),
    ('norm,\npooling', 1.2, TRAINED),
    ('head', 1.0, TRAINED),
]
GAP, HEIGHT = 0.42, 1.1


def draw(out: Path) -> None:
    """Draw the boxes in a row, the layer framed."""
    figure = Figure(figsize=(11, 2.5))
    axis = figure.subplots()
    x, edges = 0.0, []
    for text, width, colour in BOXES:
        axis.add_patch(
            FancyBboxPatch((x, 0), width, HEIGHT, fc=colour, ec='#444',
                           boxstyle='round,pad=0.02,rounding_size=0.1'))
        axis.text(x + width / 2, HEIGHT / 2, text, ha='center', va='center')
        edges.append((x, x + width))
        x += width + GAP
    for (_, end), (start, _) in pairwise(edges):
        axis.annotate('', (start - 0.03, HEIGHT / 2),
                      (end + 0.03, HEIGHT / 2),
                      arrowprops=dict(arrowstyle='->', color='#444'))
    left, right = edges[2][0] - 0.2, edges[4][1] + 0.2
    axis.add_patch(
        FancyBboxPatch((left, -0.25), right - left, HEIGHT + 0.5, fc='none',
                       ec='#888', ls='--', boxstyle='round,pad=0.02'))
    axis.text((left + right) / 2, HEIGHT + 0.4, 'FrozenLLMLayer', ha='center')
    axis.text(x / 2, -0.55, 'orange: trained', ha='right', color='#a86a10')
    axis.text(x / 2, -0.55, '    blue: pretrained on text, frozen', ha='left',
              color='#2a5d8a')
    axis.set_xlim(-0.2, x)
    axis.set_ylim(-0.8, HEIGHT + 0.75)
    axis.axis('off')
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110, bbox_inches='tight')


def main() -> None:
    """Draw as the command line says."""
    parser = ArgumentParser(description='Draw where the frozen block goes')
    parser.add_argument('out', type=Path)
    args = parser.parse_args()
    draw(args.out)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
