"""Decoding with decord where its frames are those that PyAV gives.

Decord 0.6 seeks to wrong frames where a key frame is no clean cut (open
groups of pictures, intra refresh) and counts wrongly where a container
leaves times out (AVI, MPEG) or does not begin at zero; it knows neither edit
lists nor mirror images. So it reads plain files only, from their start.
"""

import numpy as np

from .frames import decoded
from .orientation import is_turned
from .packet_index import PacketIndex

SAME_COLOURS = ('yuv420p', 'yuvj420p')


def unlike_pyav(path: str, index: PacketIndex) -> str:
    """Say for which files decord's frames may differ; empty for others."""
    if not index.plain:
        return 'files that leave times out, are cut or do not start at 0'
    frame = next(decoded(path), None)
    if frame is None:
        return 'files without frames'
    if is_turned(frame):
        return 'turned pictures'
    if frame.format.name not in SAME_COLOURS:
        return f'pictures in {frame.format.name}'
    if frame.width % 2 or frame.height % 2:
        return 'pictures with odd sides'
    return ''


def read_in_order(reader, wanted: np.ndarray) -> list[np.ndarray]:
    """Decode from the start, without decord's seeking.

    Args:
        reader (decord.VideoReader): Nothing was read from it.
        wanted (np.ndarray): Numbers of frames, in any order.

    Returns:
        list[np.ndarray]: (H, W, 3) uint8 RGB for each number.
    """
    wanted = wanted.reshape(-1).tolist()
    chosen, found = set(wanted), {}
    for number in range(max(wanted) + 1):
        frame = reader.next()
        if number in chosen:
            found[number] = frame.asnumpy()
    return [found[number] for number in wanted]
