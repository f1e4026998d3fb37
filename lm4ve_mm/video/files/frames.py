"""Decoding the frames of a video that are asked for, with PyAV."""

from collections.abc import Iterator

import numpy as np

from .errors import VideoError
from .orientation import upright
from .packet_index import FRAMES_LACKING, PacketIndex, video_stream

# A cut may begin with frames that need what was cut away: at most the
# longest run of B-frames.
FRAMES_CUT_OFF = 16


def decoded(path: str, start: int = 0) -> Iterator:
    """Decode a video from packet ``start`` on, in the order of showing.

    The packets before are read but not decoded: other than a seek, this
    arrives at the same packet in every container.
    """
    import av
    with av.open(path) as container:
        packets = container.demux(video_stream(container))
        for number, packet in enumerate(packets):
            if number >= start:
                yield from packet.decode()


def picture_of(frame) -> np.ndarray:
    """Convert a frame to (H, W, 3) uint8 RGB, the right way up."""
    return upright(frame.to_ndarray(format='rgb24'), frame)


def _numbered(path: str, index: PacketIndex, start: int) -> Iterator:
    """Yield frames with their numbers."""
    if index.times is None:
        yield from enumerate(decoded(path, start))
        return
    numbers = {time: number for number, time in enumerate(index.times)}
    for frame in decoded(path, start):
        if frame.pts in numbers:
            yield numbers[frame.pts], frame


def _stand_in(number: int, there: list[int]) -> int | None:
    """Give the frame to show for one that cannot be decoded."""
    before = [other for other in there if other < number]
    if before:
        near = number - before[-1] <= FRAMES_LACKING
        return before[-1] if near else None
    return there[0] if there and there[0] <= FRAMES_CUT_OFF else None


def read_frames(path: str, index: PacketIndex,
                wanted: np.ndarray) -> list[np.ndarray]:
    """Decode some frames, starting as late as the file allows.

    MMAction2's PyAVDecode starts again from the first frame where a
    truncated video ends, without a word.

    Args:
        path (str): The video.
        index (PacketIndex): What :func:`read_index` gave for it.
        wanted (np.ndarray): Numbers of frames, in any order.

    Returns:
        list[np.ndarray]: (H, W, 3) uint8 RGB for each number. The last frame
        before stands in for one or two that lack, the first that can be
        decoded for those that a cut left without their reference.

    Raises:
        VideoError: If more of them lack.
    """
    wanted = wanted.reshape(-1).tolist()
    chosen, last = set(wanted), max(wanted)
    for start in dict.fromkeys((index.start_for(min(wanted)), index.start)):
        found, there = {}, []
        for number, frame in _numbered(path, index, start):
            there.append(number)
            if number in chosen:
                found[number] = picture_of(frame)
            if number >= last:
                break
        if len(found) == len(chosen):
            return [found[number] for number in wanted]
    instead = [number if number in found else _stand_in(number, there)
               for number in wanted]
    if None in instead:
        raise VideoError(
            f'the video {path} is damaged: frame '
            f'{wanted[instead.index(None)]} was announced, but only '
            f'{len(there)} frames can be decoded')
    return read_frames(path, index, np.array(instead))
