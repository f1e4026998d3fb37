"""The clouds of points that golden numbers belong to."""

import numpy as np


def golden_clouds() -> np.ndarray:
    """Compute two clouds, (2, 1024, 3) float64.

    Points on a spiral around the sphere, their radii from 0.3 to 1 by the
    golden ratio: no two distances are equal, and none is near the origin.
    """
    i, batch = np.arange(1024), np.arange(2)[:, None]
    z = np.broadcast_to(1 - 2 * (i + .5) / 1024, (2, 1024))
    angle = 2.399963229728653 * i + batch / 2
    radius = .3 + .7 * np.mod(.6180339887498949 * i + .1 * batch, 1)
    flat = np.sqrt(1 - z**2)
    directions = np.stack(
        [flat * np.cos(angle), flat * np.sin(angle), z], axis=-1)
    return radius[..., None] * directions


def golden_scenes(size: int, scale: float = 1., near_origin: bool = False
                  ) -> np.ndarray:
    """Compute two flat clouds, (2, size, 3) float64.

    Args:
        size: Points of each.
        scale: Multiplies all coordinates.
        near_origin: Whether point 37 of the second cloud is moved to a radius
            of 0.02, where the kernel's sampling passes over it.
    """
    i, batch = np.arange(size), np.arange(2)[:, None]
    z = np.broadcast_to(1 - 2 * (i + .5) / size, (2, size))
    angle = 2.399963229728653 * i + batch / 2
    radius = .3 + 1.2 * np.mod(.6180339887498949 * i + .1 * batch, 1)
    flat = radius * np.sqrt(1 - z**2)
    points = np.stack([flat * np.cos(angle), flat * np.sin(angle),
                       .7 * radius * z], axis=-1)
    if near_origin:
        points[1, 37] *= .02 / np.linalg.norm(points[1, 37])
    return scale * points
