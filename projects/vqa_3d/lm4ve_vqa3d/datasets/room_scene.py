"""Generated rooms: two things at opposite walls, scanned with noise."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .classes import FLOOR, WALL
from .room_furniture import COLOURS, KINDS, LANDMARKS, Thing, hang, place
from .scene import aligned

HEIGHT = 2.2
POINTS = dict(thing=300, landmark=15, wall=30, floor=60)
PALE, WOOD = (205, 200, 190), (140, 120, 95)


class Room(NamedTuple):
    """One generated room, in the aligned frame; its middle is the origin.

    Attributes:
        scene_id: As in ScanNet.
        half: Half its length and width in metres.
        things: Furniture by its wall.
        landmarks: What hangs on the walls, in the order of the walls.
        shell: (N, 7) points of walls and floor, with their label.
        alignment: (4, 4), from the raw frame into this one.
    """

    scene_id: str
    half: float
    things: dict[int, Thing]
    landmarks: tuple[Thing, ...]
    shell: np.ndarray
    alignment: np.ndarray


def make_room(scene_id: str, rng: np.random.Generator) -> Room:
    """Furnish and scan a room.

    Two walls opposite to each other get a thing each. The landmarks always
    hang on the same walls, so that a text which names one tells a
    direction. They are painted on the walls, and no objects to detect: all
    that a question asks about is furniture.
    """
    half = rng.uniform(1.5, 1.7)
    first = int(rng.integers(2))
    things = {}
    for side in (first, first + 2):
        kind, colour = rng.choice(list(KINDS)), rng.choice(list(COLOURS))
        things[side] = place(str(kind), str(colour), side, half,
                             POINTS['thing'], rng)
    landmarks = tuple(hang(name, side, half, POINTS['landmark'], rng)
                      for side, name in enumerate(LANDMARKS))
    return Room(scene_id, half, things, landmarks,
                make_shell(half, list(things.values()), rng),
                draw_alignment(rng))


def draw_alignment(rng: np.random.Generator) -> np.ndarray:
    """A turn about z and a shift, rounded as ScanNet's text files are."""
    angle = rng.uniform(-np.pi, np.pi)
    found = np.eye(4)
    found[:2, :2] = [[np.cos(angle), -np.sin(angle)],
                     [np.sin(angle), np.cos(angle)]]
    found[:3, 3] = *rng.uniform(-3, 3, 2), rng.uniform(-.1, .1)
    return found.round(6)


def make_shell(half: float, things: Sequence[Thing],
               rng: np.random.Generator) -> np.ndarray:
    """Walls and floor, without what the furniture hides."""
    parts = []
    for side in range(4):
        count = POINTS['wall']
        flat = rng.uniform([half, -half, 0], [half, half, HEIGHT],
                           (count, 3))
        x, y, z = flat.T
        walls = np.stack([(x, y, z), (-y, x, z), (-x, -y, z),
                          (y, -x, z)][side], 1)
        parts.append((walls, PALE, WALL))
    parts.append((rng.uniform([-half, -half, 0], [half, half, 0],
                              (POINTS['floor'], 3)), WOOD, FLOOR))
    rows = []
    for points, colour, label in parts:
        hidden = np.zeros(len(points), bool)
        for thing in things:
            # A shadow as wide as the thing, down to the floor behind it.
            reach = np.array([.3, .3, 0.])
            hidden |= ((points > thing.low - reach)
                       & (points < thing.high + reach))[:, :2].all(1) & (
                           points[:, 2] < thing.high[2])
        points = points[~hidden]
        colours = colour + rng.normal(0, 8, points.shape)
        rows.append(np.concatenate([
            points + rng.normal(0, .01, points.shape),
            colours.clip(0, 255).round(),
            np.full((len(points), 1), label)], 1))
    return np.concatenate(rows)


def scanned(room: Room, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """All points of a room in a random order.

    Returns:
        tuple: (N, 6) float32 aligned points with colours, (N, ) instances
        from 1 (0 on walls, what hangs on them, and floor), (N, ) labels of
        NYU40, and (K, 8) boxes of the furniture.
    """
    shell = room.shell
    points, instances, labels, boxes = [shell[:, :6]], [
        np.zeros(len(shell), np.uint32)], [shell[:, 6].astype(np.uint32)], []
    for thing in room.landmarks:
        count = len(thing.points)
        points.append(thing.points)
        instances.append(np.zeros(count, np.uint32))
        labels.append(np.full(count, WALL, np.uint32))
    for number, thing in enumerate(room.things.values(), 1):
        count = len(thing.points)
        points.append(thing.points)
        instances.append(np.full(count, number, np.uint32))
        labels.append(np.full(count, thing.label, np.uint32))
        boxes.append([*(thing.low + thing.high) / 2,
                      *thing.high - thing.low, thing.label, number])
    order = rng.permutation(sum(map(len, points)))
    return (np.concatenate(points)[order].astype(np.float32),
            np.concatenate(instances)[order], np.concatenate(labels)[order],
            np.array(boxes))


def to_raw(points: np.ndarray, alignment: np.ndarray) -> np.ndarray:
    """Points (N, 3) of the aligned frame in the raw one."""
    return aligned(points, np.linalg.inv(alignment))


def write_room(root: Path, room: Room,
               rng: np.random.Generator) -> np.ndarray:
    """Write a room in ScanNet's prepared layout.

    Returns:
        np.ndarray: (3, ) centre of the raw box, from which positions count.
    """
    points, instances, labels, boxes = scanned(room, rng)
    vertices = np.concatenate([points, np.zeros_like(points[:, :3])], 1)
    raw = vertices.copy()
    raw[:, :3] = to_raw(points[:, :3], room.alignment)
    folder, scans = root / 'scannet_data', root / 'scans' / room.scene_id
    for one in (folder, scans):
        one.mkdir(parents=True, exist_ok=True)
    for what, array in (('vert', raw), ('aligned_vert', vertices),
                        ('ins_label', instances), ('sem_label', labels),
                        ('aligned_bbox', boxes)):
        np.save(folder / f'{room.scene_id}_{what}.npy', array)
    numbers = ' '.join(map(str, room.alignment.ravel()))
    (scans / f'{room.scene_id}.txt').write_text(
        f'axisAlignment = {numbers} \n')
    return (raw[:, :3].min(0) + raw[:, :3].max(0)) / 2


def write_raw(root: Path, room: Room, rng: np.random.Generator) -> Path:
    """Write a room as ScanNet delivers it: mesh, segments, instances.

    Returns:
        Path: The PLY file.
    """
    points, instances, labels, _ = scanned(room, rng)
    scans = root / 'scans' / room.scene_id
    scans.mkdir(parents=True, exist_ok=True)
    name = f'{room.scene_id}_vh_clean_2'
    ply = scans / f'{name}.ply'
    vertices = np.empty(len(points), [
        ('xyz', '<f4', 3), ('rgba', 'u1', 4)])
    vertices['xyz'] = to_raw(points[:, :3], room.alignment)
    vertices['rgba'] = np.concatenate(
        [points[:, 3:], np.full((len(points), 1), 255)], 1)
    header = '\n'.join([
        'ply', 'format binary_little_endian 1.0',
        f'element vertex {len(points)}',
        *(f'property float {axis}' for axis in 'xyz'),
        *(f'property uchar {name}'
          for name in ('red', 'green', 'blue', 'alpha')),
        'end_header', ''])
    ply.write_bytes(header.encode() + vertices.tobytes())
    # One segment for each instance; walls and floor are instances too.
    segments = np.where(instances > 0, instances, 100 + labels)
    (scans / f'{name}.0.010000.segs.json').write_text(
        json.dumps(dict(segIndices=segments.tolist())))
    names = {number: thing.name
             for number, thing in enumerate(room.things.values(), 1)}
    names.update({100 + WALL: 'wall', 100 + FLOOR: 'floor'})
    (scans / f'{room.scene_id}.aggregation.json').write_text(
        json.dumps(dict(segGroups=[
            dict(id=row, objectId=row, segments=[number], label=label)
            for row, (number, label) in enumerate(names.items())])))
    numbers = ' '.join(map(str, room.alignment.ravel()))
    (scans / f'{room.scene_id}.txt').write_text(
        f'axisAlignment = {numbers} \n')
    return ply
