"""What a model was shown, drawn with a value for each of its tokens.

Images, clips and clouds are drawn through the same two methods, so that a
tool need not know what kind of model it looks into.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

COLOURS = 'viridis'
ALPHA = .5
DIMMED = .8  # how dark a token is made that is not above a threshold


class Picture(Protocol):
    """A sample that can be drawn.

    Attributes:
        projection: Of the axes that it is drawn on: None, or ``'3d'``.
        aspect: Width over height.
    """

    projection: str | None
    aspect: float

    def show(self, axis) -> None:
        """Draw the sample alone."""

    def overlay(self, axis, values: np.ndarray,
                threshold: float | None = None) -> None:
        """Draw the sample with the values of its tokens.

        Args:
            axis: Of matplotlib.
            values: (tokens, ), 0 to 1. They are not stretched again.
            threshold: Instead of colours, dim what is not above it.
        """


class ImagePicture(NamedTuple):
    """An image whose tokens are a grid.

    Args:
        image: (H, W, 3) uint8 RGB, as the model sees it.
        grid: Rows and columns of tokens.
    """

    image: np.ndarray
    grid: tuple[int, int]

    projection = None

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.image.shape[1] / self.image.shape[0]

    def show(self, axis) -> None:
        """See :class:`Picture`."""
        axis.imshow(self.image)
        axis.set_axis_off()

    def overlay(self, axis, values: np.ndarray,
                threshold: float | None = None) -> None:
        """See :class:`Picture`; tokens are drawn as squares."""
        _heat(axis, self.image, np.reshape(values, self.grid), threshold)


class ClipPicture(NamedTuple):
    """A clip whose tokens are a grid in time and space.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        grid: Steps in time, rows and columns of tokens.
        most: Frames that are drawn, evenly spread.
    """

    frames: np.ndarray
    grid: tuple[int, int, int]
    most: int = 8

    projection = None

    def _shown(self) -> np.ndarray:
        count = len(self.frames)
        return np.linspace(0, count - 1, min(self.most, count)).round().astype(
            int)

    @property
    def aspect(self) -> float:
        """Width over height, of the frames side by side."""
        height, width = self.frames.shape[1:3]
        return len(self._shown()) * width / height

    def show(self, axis) -> None:
        """See :class:`Picture`."""
        axis.imshow(_side_by_side(self.frames[self._shown()]))
        axis.set_axis_off()

    def overlay(self, axis, values: np.ndarray,
                threshold: float | None = None) -> None:
        """See :class:`Picture`; a token covers several frames."""
        shown = self._shown()
        steps = shown * self.grid[0] // len(self.frames)
        _heat(axis, _side_by_side(self.frames[shown]),
              _side_by_side(np.reshape(values, self.grid)[steps]), threshold)


class CloudPicture(NamedTuple):
    """A cloud whose points take the value of a token each.

    Args:
        points: (P, 3); the second axis points up.
        token: (P, ) int, the token of each point.
    """

    points: np.ndarray
    token: np.ndarray

    projection = '3d'
    aspect = 1.

    def show(self, axis) -> None:
        """See :class:`Picture`."""
        self._scatter(axis, self.points, None)

    def overlay(self, axis, values: np.ndarray,
                threshold: float | None = None) -> None:
        """See :class:`Picture`; with a threshold the rest is left out."""
        values = np.asarray(values)[self.token]
        if threshold is not None:
            kept = values > threshold
            self._scatter(axis, self.points[kept], None)
        else:
            self._scatter(axis, self.points, values)

    def _scatter(self, axis, points: np.ndarray,
                 values: np.ndarray | None) -> None:
        x, y, z = points.T
        colours = (dict(color='tab:gray') if values is None else
                   dict(c=values, vmin=0, vmax=1, cmap=COLOURS))
        axis.scatter(x, -z, y, s=max(3, 4000 / len(self.points)),
                     linewidths=0, depthshade=False,  # the colour counts
                     **colours)
        axis.set_box_aspect((1, 1, 1), zoom=1.25)
        axis.set_axis_off()
        middle = (self.points.max(0) + self.points.min(0)) / 2
        reach = np.ptp(self.points, axis=0).max() / 2
        axis.set(xlim=(middle[0] - reach, middle[0] + reach),
                 ylim=(-middle[2] - reach, -middle[2] + reach),
                 zlim=(middle[1] - reach, middle[1] + reach))


def _side_by_side(frames: np.ndarray) -> np.ndarray:
    """(T, H, W, ...) -> (H, T W, ...)."""
    return np.concatenate(list(frames), axis=1)


def _heat(axis, image: np.ndarray, values: np.ndarray,
          threshold: float | None) -> None:
    height, width = image.shape[:2]
    axis.imshow(image)
    place = dict(extent=(-.5, width - .5, height - .5, -.5),
                 interpolation='nearest')
    if threshold is None:
        axis.imshow(values, cmap=COLOURS, alpha=ALPHA, vmin=0, vmax=1,
                    **place)
    else:
        dark = np.zeros((*values.shape, 4))
        dark[..., 3] = DIMMED * (values <= threshold)
        axis.imshow(dark, **place)
    axis.set_axis_off()


def sheet(rows: Sequence[Sequence[tuple]], height: float = 1.6):
    """Draw rows of pictures.

    Args:
        rows: Cells ``(picture, values, threshold, title)``; without values
            the picture is shown alone. A None is left empty.
        height: Of a row, in inches.

    Returns:
        Figure: Of matplotlib.
    """
    from matplotlib.figure import Figure
    columns = max(map(len, rows))
    aspect = max(cell[0].aspect for row in rows for cell in row if cell)
    figure = Figure((max(height * min(aspect, 8) * columns, 3.),
                     (height + .3) * len(rows)))
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell is None:
                continue
            picture, values, threshold, title = cell
            axis = figure.add_subplot(
                len(rows), columns, line * columns + column + 1,
                projection=picture.projection)
            if values is None:
                picture.show(axis)
            else:
                picture.overlay(axis, values, threshold)
            axis.set_title(title, fontsize=7)
    return figure
