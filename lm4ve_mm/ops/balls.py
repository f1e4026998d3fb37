"""The first points within a radius, as PointNet++'s ball query finds them.

The kernel walks over all points of a cloud, for every centre. Here the points
are sorted into cubes as wide as the radius, so that a centre is compared with
the points of 3 x 3 x 3 cubes only. Where the cubes hold much of the cloud,
the points are walked over after all: most centres are soon full. Which points
are hits, and their order, is decided by the kernel's own comparison: squares
rounded one by one, strictly less than the squared radius, in the type of the
points.
"""

import torch
from torch import Tensor

# A little wider than the radius: rounding cannot carry a hit further than
# into the next cube.
CUBE = 1 + 1e-4
MOST_CUBES = 100_000  # along one axis; wider cubes are as exact
MOST_COMPARED = 4_000_000  # at once
DENSE = 8  # one pair in so many lies in neighbouring cubes
# The cubes above and below a cube follow it in the order of the cubes, so
# three of them are one range.
RANGES = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1))


@torch.no_grad()
def ball_query(points: Tensor, centres: Tensor, radius: float,
               num: int) -> Tensor:
    """Find the first ``num`` points within ``radius`` of each centre.

    They come in the order in which they are stored. Where there are fewer,
    the first one fills the rest; where there is none, index 0 does.

    Args:
        points: (B, N, 3) float32 or float64; half precision is computed in
            float32.
        centres: (B, M, 3).
        radius: In the unit of the points; a distance equal to it is outside.
        num: How many.

    Returns:
        Tensor: (B, M, num) int64 indices on the device of ``points``.

    Raises:
        ValueError: For another shape, a radius or number that is not
            positive, or, on a CPU, coordinates that are not finite.
    """
    _check(points, centres, radius, num)
    if points.dtype != torch.float64:
        points, centres = points.float(), centres.float()
    # Squared as the kernel does, in the type of the points.
    limit = points.new_tensor(radius).square()
    order, starts, stops = _ranges(points, centres, radius)
    pairs = centres.shape[1] * points.shape[1] * len(points)
    if (stops - starts).sum() * DENSE > pairs:
        return torch.stack([
            _walk(*cloud, limit, num) for cloud in zip(points, centres)])
    hits = _hits(points, centres, limit, order, starts, stops)
    return _first(*hits, *centres.shape[:2], points.shape[1], num)


def _near(points: Tensor, centres: Tensor, limit: Tensor) -> Tensor:
    """Whether points (..., 3) are near centres, as the kernel sees it."""
    x, y, z = (points - centres).square().unbind(-1)
    return x + y + z < limit


def _check(points: Tensor, centres: Tensor, radius: float, num: int) -> None:
    """Refuse what has no answer."""
    for name, given in (('points', points), ('centres', centres)):
        if given.ndim != 3 or given.shape[-1] != 3:
            raise ValueError(
                f'{name} are (B, N, 3), not {tuple(given.shape)}')
        if given.device.type == 'cpu' and not given.isfinite().all():
            raise ValueError(f'some {name} have coordinates that are not '
                             'finite: remove those first')
    if not points.numel():
        raise ValueError('there are no points to search: give at least one')
    if radius <= 0 or num < 1:
        raise ValueError(f'radius={radius} and num={num}: both have to be '
                         'positive')


def _ranges(points: Tensor, centres: Tensor,
            radius: float) -> tuple[Tensor, Tensor, Tensor]:
    """Sort the points by cube, and find where each centre has to look.

    Returns:
        tuple: Indices (B * N, ) of the sorted points in the flat batch, and
        the first and the last + 1 position (B * M, 9) of each range.
    """
    batch = torch.arange(len(points), device=points.device)[:, None]
    points, centres = points.double(), centres.double()
    low = points.amin((0, 1))
    width = max(radius * CUBE,
                float((points.amax((0, 1)) - low).max()) / MOST_CUBES)
    # One cube of margin on either side, so that neighbours exist.
    cubes = ((points - low) / width).long() + 1
    x, y, z = (cubes.amax((0, 1)) + 2).tolist()
    # Centres outside the cloud look into the margin.
    seats = torch.minimum(
        ((centres - low) / width).floor().clamp(-2, MOST_CUBES + 2).long() + 1,
        cubes.new_tensor([x, y, z])).clamp(min=-1)

    def number(cube_x: Tensor, cube_y: Tensor, cube_z: Tensor) -> Tensor:
        """Position of a cube in the order; -1 and beyond fall between."""
        return ((batch * (x + 4) + cube_x + 2) * (y + 4) + cube_y + 2) * (
            z + 4) + cube_z + 2

    ids, order = number(*cubes.unbind(-1)).flatten().sort(stable=True)
    seat_x, seat_y, seat_z = seats.unbind(-1)
    rows = torch.stack([number(seat_x + dx, seat_y + dy, seat_z)
                        for dx, dy in RANGES], -1).flatten(0, 1)
    return (order, torch.searchsorted(ids, rows - 1),
            torch.searchsorted(ids, rows + 1, right=True))


def _hits(points: Tensor, centres: Tensor, limit: Tensor, order: Tensor,
          starts: Tensor, stops: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of a centre (of the flat batch) and a point within its cloud."""
    flat, seats = points.flatten(0, 1), centres.flatten(0, 1)
    lengths = stops - starts
    found = []
    for first, last in _parts(lengths.sum(1)):
        counts = lengths[first:last].flatten()
        ends = counts.cumsum(0)
        row = torch.arange(len(counts), device=counts.device)
        row = row.repeat_interleave(counts)
        position = torch.arange(len(row), device=counts.device)
        position += (starts[first:last].flatten() - ends + counts)[row]
        point = order[position]
        centre = torch.div(row, len(RANGES), rounding_mode='floor') + first
        near = _near(flat[point], seats[centre], limit).nonzero()[:, 0]
        found.append((centre[near], point[near] % points.shape[1]))
    centre, point = zip(*found, strict=True)
    return torch.cat(centre), torch.cat(point)


def _parts(counts: Tensor) -> list[tuple[int, int]]:
    """Cut the centres so that no part has too many candidates."""
    ends = counts.cumsum(0).tolist()
    parts, first, before = [], 0, 0
    for row, end in enumerate(ends):
        if end - before > MOST_COMPARED and row > first:
            parts.append((first, row))
            first, before = row, ends[row - 1]
    return [*parts, (first, len(ends))]


def _first(centre: Tensor, point: Tensor, clouds: int, seats: int, size: int,
           num: int) -> Tensor:
    """The first hits of each centre, padded: (B, M, num)."""
    keys = (centre * size + point).sort().values
    centre = torch.div(keys, size, rounding_mode='floor')
    counts = torch.bincount(centre, minlength=clouds * seats)
    begins = counts.cumsum(0) - counts
    slot = torch.arange(num, device=keys.device).expand(len(counts), -1)
    # Beyond the last hit stands the first one again.
    slot = torch.where(slot < counts[:, None], slot, 0) + begins[:, None]
    padded = torch.cat([keys % size, keys.new_zeros(1)])
    slot = torch.where(counts[:, None] > 0, slot, len(keys))
    return padded[slot].view(clouds, seats, num)


def _walk(points: Tensor, centres: Tensor, limit: Tensor,
          num: int) -> Tensor:
    """Search one cloud from its first point on, until all are full."""
    found = torch.zeros(len(centres), num, dtype=torch.int64,
                        device=points.device)
    counts = torch.zeros_like(found[:, 0])
    seats, first = torch.arange(len(centres), device=points.device), 0
    while len(seats) and first < len(points):
        last = first + max(MOST_COMPARED // len(seats), 1)
        last = min(last, first + max(16 * num, 256))
        near = _near(points[None, first:last], centres[seats, None], limit)
        slots = near.cumsum(1) + counts[seats, None]
        row, point = (near & (slots <= num)).nonzero(as_tuple=True)
        found[seats[row], slots[row, point] - 1] = point + first
        counts[seats] = slots[:, -1]
        seats, first = seats[counts[seats] < num], last
    slot = torch.arange(num, device=points.device).expand(len(centres), -1)
    return torch.where(slot < counts[:, None], found, found[:, :1])
