"""Pictures of scenes: lanes, past, truth, and what is forecast."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from lm4ve_mm.apis import drawing

from .apis import Forecast
from .datasets import LaneMap, Scene

LANE, CROSSING, OTHER, PAST, TRUTH, GUESS = (
    '0.85', '0.7', 'tab:blue', 'black', 'tab:green', 'tab:orange')
REACH = 15.  # metres around what is drawn


def draw_scene(axis: plt.Axes, scene: Scene, lanes: LaneMap | None,
               found: Forecast) -> None:
    """Draw one scene with one forecast.

    Lanes are grey, crossings darker; others are blue, the target's past is
    black and its true future green. Forecasts are orange, the more likely the
    stronger, with their probabilities; a red title marks a miss.
    """
    now = scene.num_observed
    track = scene.positions[scene.target]
    shown = np.concatenate([track, found.trajs.reshape(-1, 2)])
    low, high = shown.min(0) - REACH, shown.max(0) + REACH
    middle, half = (low + high) / 2, (high - low).max() / 2
    if lanes is not None:
        near = lanes.pick(lanes.near(middle, half))
        for line, inside in zip(near.points, near.intersections):
            axis.plot(*line.T, color=CROSSING if inside else LANE, lw=1.5,
                      zorder=0)
    for row in range(len(scene.track_ids)):
        if row != scene.target:
            places = scene.positions[row, :now][scene.seen[row, :now]]
            axis.plot(*places.T, color=OTHER, lw=1, alpha=.6, zorder=1)
    for traj, chance in zip(found.trajs[::-1], found.chances[::-1]):
        axis.plot(*np.vstack([track[now - 1], traj]).T, color=GUESS, lw=1.5,
                  alpha=.3 + .7 * min(1., 2 * float(chance)), zorder=2)
        axis.annotate(f'{chance:.0%}', traj[-1], fontsize=6, zorder=5,
                      clip_on=True)
    axis.plot(*track[:now].T, color=PAST, lw=2, zorder=3)
    axis.plot(*track[now - 1:].T, color=TRUTH, lw=2, zorder=4)
    axis.set(xlim=(middle[0] - half, middle[0] + half),
             ylim=(middle[1] - half, middle[1] + half),
             xticks=(), yticks=(), aspect='equal')
    axis.set_title(caption(scene, found), fontsize=8,
                   color='red' if missed(scene, found) else 'black')


def missed(scene: Scene, found: Forecast) -> bool:
    """Whether all six guesses end more than 2 m from the truth."""
    measured = found.measures(scene, 6)
    return measured is not None and measured['MR'] == 1


def caption(scene: Scene, found: Forecast) -> str:
    """The end-point errors of one guess and of six."""
    one, six = (found.measures(scene, count) for count in (1, 6))
    if one is None:
        return scene.scene_id
    return (f'{scene.scene_id}: {one["minFDE"]:.1f} m (K=1) '
            f'{six["minFDE"]:.1f} m (K=6)')


def draw_sheet(rows: Sequence[tuple[Scene, LaneMap | None, Sequence[Forecast]]
                              ], names: Sequence[str], out: Path,
               columns: int = 4) -> None:
    """Draw scenes, the forecasts of several models side by side.

    Args:
        rows: Scene, lanes, and a forecast of each model.
        names: Of the models.
        out: The picture to write.
        columns: Pictures in a line, rounded up to a multiple of the models.
    """
    columns = -(-columns // len(names)) * len(names)
    lines = -(-len(rows) * len(names) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(3 * columns, 3.3 * lines), squeeze=False)
    places = iter(axes.ravel())
    for scene, lanes, forecasts in rows:
        for name, found in zip(names, forecasts):
            axis = next(places)
            draw_scene(axis, scene, lanes, found)
            if len(names) > 1:
                axis.set_xlabel(name, fontsize=8)
    for axis in places:
        axis.set_axis_off()
    drawing.save(figure, out)
