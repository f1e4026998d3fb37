"""The numbers of the robustness sets, out of counts per group."""

from collections.abc import Mapping
from typing import NamedTuple

from ..datasets.imagenet_c import CORRUPTIONS, SEVERITIES

# AlexNet's error of each corruption, mean over the severities: what mCE is
# relative to (arXiv 1903.12261).
ALEXNET = dict(zip(CORRUPTIONS, (
    0.886428, 0.894468, 0.922640, 0.819880, 0.826268, 0.785948, 0.798360,
    0.866816, 0.826572, 0.819324, 0.564592, 0.853204, 0.646056, 0.717840,
    0.606500), strict=True))
C = 'imagenet_c'


class Count(NamedTuple):
    """Answers of one group.

    Args:
        images: How many were tested.
        right: Right among the classes of the set.
        right5: With the truth among the five likeliest.
        right_open: Right among all 1,000 classes.
    """

    images: int
    right: int
    right5: int
    right_open: int

    @property
    def accuracy(self) -> float:
        """Percent."""
        return 100 * self.right / self.images


def summarise(counts: Mapping[str, Count]) -> dict[str, float]:
    """Compute accuracies, their mean and mCE.

    Args:
        counts: Name of a group -> its count. Groups of ImageNet-C are called
            ``imagenet_c/<corruption>/<severity>``.

    Returns:
        dict: Percent. Accuracies of every set; of ImageNet-C those of each
        corruption, and ``mean_acc``, ``mean_err`` and ``mCE``, which are
        given only if all 15 corruptions are there with all severities.
    """
    found: dict[str, float] = {}
    for name, count in counts.items():
        if name.startswith(f'{C}/'):
            continue
        found[f'{name}/top1'] = count.accuracy
        found[f'{name}/top5'] = 100 * count.right5 / count.images
        if count.right_open != count.right:
            found[f'{name}/top1_open'] = 100 * count.right_open / count.images
    corrupted = {name: count.accuracy for name, count in counts.items()
                 if name.startswith(f'{C}/')}
    for corruption in CORRUPTIONS:
        values = [corrupted[name] for severity in SEVERITIES
                  if (name := f'{C}/{corruption}/{severity}') in corrupted]
        if len(values) == len(SEVERITIES):
            found[f'{C}/{corruption}'] = sum(values) / len(values)
    if corrupted and not missing_sets(counts):
        mean = sum(found[f'{C}/{name}'] for name in CORRUPTIONS) / len(
            CORRUPTIONS)
        relative = [(100 - found[f'{C}/{name}']) / ALEXNET[name]
                    for name in CORRUPTIONS]
        found[f'{C}/mean_acc'] = mean
        found[f'{C}/mean_err'] = 100 - mean
        found[f'{C}/mCE'] = sum(relative) / len(relative)
    return found


def missing_sets(counts: Mapping[str, Count]) -> list[str]:
    """What ImageNet-C lacks for a mean, of what was tested."""
    return [f'{corruption}/{severity}' for corruption in CORRUPTIONS
            for severity in SEVERITIES
            if f'{C}/{corruption}/{severity}' not in counts]


def table(counts: Mapping[str, Count]) -> str:
    """Corruptions by severities, accuracies in percent."""
    lines = [f'{"accuracy (%)":18}' + ''.join(
        f'{severity:>8}' for severity in SEVERITIES) + '    mean']
    for corruption in CORRUPTIONS:
        cells = [counts.get(f'{C}/{corruption}/{severity}')
                 for severity in SEVERITIES]
        if not any(cells):
            continue
        line = f'{corruption:18}' + ''.join(
            f'{cell.accuracy:8.2f}' if cell else f'{"-":>8}'
            for cell in cells)
        if all(cells):
            mean = sum(cell.accuracy for cell in cells) / len(cells)
            line += f'{mean:8.2f}'
        lines.append(line)
    return '\n'.join(lines)
