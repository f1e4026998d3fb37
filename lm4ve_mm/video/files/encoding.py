"""Writing H.264 files."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

# x264's assembler does not give the same bytes every time (seen with PyAV
# 18.1.0 on x86-64, one thread); its C code does.
REPEATABLE = {
    'preset': 'veryfast',
    'crf': '18',
    'threads': '1',
    'x264-params': 'asm=0'
}


def write_mp4(path: Path,
              frames: Iterable[np.ndarray],
              fps: int | Fraction = 12,
              options: Mapping[str, str] = REPEATABLE) -> None:
    """Write an mp4 with an H.264 stream, yuv420p.

    Args:
        path (Path): The file.
        frames (Iterable[np.ndarray]): (H, W, 3) uint8 RGB each; H and W are
            even, as yuv420p wants it.
        fps (int or Fraction): Frames per second.
        options (Mapping): Of x264. By default the same frames give the same
            bytes, which costs speed.

    Raises:
        ValueError: If there are no frames, or H or W is odd.
    """
    import av
    stream = None
    with av.open(str(path), 'w', format='mp4') as container:
        for frame in frames:
            if stream is None:
                height, width = frame.shape[:2]
                if height % 2 or width % 2:
                    raise ValueError(
                        f'H.264 in yuv420p has even sides; {path} would have '
                        f'{width} x {height}')
                stream = container.add_stream(
                    'libx264', rate=fps, options=dict(options))
                stream.width, stream.height = width, height
                stream.pix_fmt = 'yuv420p'
            picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
            container.mux(stream.encode(picture))
        if stream is None:
            raise ValueError(f'no frames to write into {path}')
        container.mux(stream.encode())
