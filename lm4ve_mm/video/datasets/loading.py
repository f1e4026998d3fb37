"""Opening and decoding videos, with errors that name the file."""

import os
from importlib.util import find_spec
from typing import List

import numpy as np
from mmaction.datasets.transforms import DecordDecode
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from lm4ve_mm.registry import TRANSFORMS
from ..files import VideoError, VideoNotFoundError, naming

# Containers may announce a frame or two more than they hold.
FRAMES_LACKING = 2


MODULES = dict(decord='decord', pyav='av')


@TRANSFORMS.register_module()
class VideoInit(BaseTransform):
    """Opens a video with decord or PyAV.

    Required key: ``filename``. Added keys: ``video_reader``,
    ``total_frames``, ``avg_fps``, ``video_backend``.

    Args:
        backend (str): ``'decord'``; ``'pyav'``, which has wheels for more
            machines; ``'auto'``: the first of them that is installed, which
            the log tells. Both give the same pixels.

    Raises:
        ValueError: If there is no such backend.
        ImportError: If it is not installed.
    """

    def __init__(self, backend: str = 'auto') -> None:
        if backend == 'auto':
            there = [name for name, module in MODULES.items()
                     if find_spec(module)]
            if not there:
                raise ImportError(
                    'neither decord nor av is installed, one of which decodes '
                    'videos: pip install av, or this package with [video]')
            backend = there[0]
            print_log(f'Videos are decoded by {backend}', logger='current')
        elif backend not in MODULES:
            raise ValueError(f"videos are decoded by 'decord', 'pyav' or "
                             f"'auto', not {backend!r}")
        elif not find_spec(MODULES[backend]):
            raise ImportError(f'{MODULES[backend]} is not installed: pip '
                              f'install {MODULES[backend]}')
        self.backend = backend

    def transform(self, results: dict) -> dict:
        """Open the video.

        Raises:
            VideoNotFoundError: If it is not there.
            VideoError: If it cannot be opened or has no frame.
        """
        path = results['filename']
        if not os.path.isfile(path):
            raise VideoNotFoundError(f'there is no video {path}')
        if not os.path.getsize(path):
            raise VideoError(f'the video {path} is an empty file')
        with naming(path, self.backend):
            if self.backend == 'decord':
                self._open_decord(path, results)
            else:
                self._open_pyav(path, results)
        if results['total_frames'] < 1:
            raise VideoError(f'the video {path} has no frames')
        results['video_backend'] = self.backend
        return results

    @staticmethod
    def _open_decord(path: str, results: dict) -> None:
        import decord
        reader = decord.VideoReader(path, num_threads=1)
        results['video_reader'] = reader
        results['total_frames'] = len(reader)
        results['avg_fps'] = reader.get_avg_fps()

    @staticmethod
    def _open_pyav(path: str, results: dict) -> None:
        import av
        container = av.open(path)
        stream = container.streams.video[0]
        results['video_reader'] = container
        results['total_frames'] = stream.frames
        results['avg_fps'] = float(stream.average_rate or 0)
        if not stream.frames:
            # Matroska and WebM do not say how many there are.
            results['total_frames'] = sum(
                packet.size > 0 for packet in container.demux(stream))
            container.seek(0)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend={self.backend!r})'


@TRANSFORMS.register_module()
class VideoDecode(BaseTransform):
    """Decodes the chosen frames of what :class:`VideoInit` opened.

    Required keys: ``video_reader``, ``video_backend``, ``frame_inds``.
    Added keys: ``imgs``, a list of (H, W, 3) uint8 RGB, ``img_shape`` and
    ``original_shape``.
    """

    def __init__(self) -> None:
        self.decord = DecordDecode()

    def transform(self, results: dict) -> dict:
        """Decode.

        Raises:
            VideoError: If that fails.
        """
        backend = results['video_backend']
        with naming(results['filename'], backend):
            if backend == 'decord':
                return self.decord(results)
            return self._decode_pyav(results)

    @staticmethod
    def _decode_pyav(results: dict) -> dict:
        wanted = np.asarray(results['frame_inds']).reshape(-1)
        with results['video_reader'] as container:
            results['imgs'] = read_frames(
                container, wanted, results['filename'])
        results['video_reader'] = None
        shape = results['imgs'][0].shape[:2]
        results['original_shape'] = results['img_shape'] = shape
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def read_frames(container, wanted: np.ndarray,
                path: str) -> List[np.ndarray]:
    """Decode from the start up to the last frame that is wanted.

    MMAction2's PyAVDecode starts again from the first frame where a
    truncated video ends, without a word.

    Args:
        container: What ``av.open`` gave.
        wanted (np.ndarray): Indices of frames, in any order.
        path (str): The file, for the message.

    Returns:
        list[np.ndarray]: (H, W, 3) uint8 RGB for each index. The last frame
        stands in for one or two that lack at the end.

    Raises:
        VideoError: If more of them lack.
    """
    chosen, last = set(wanted.tolist()), int(wanted.max())
    found, count, frame = {}, 0, None
    for count, frame in enumerate(container.decode(video=0), 1):
        if count - 1 in chosen:
            found[count - 1] = frame.to_ndarray(format='rgb24')
        if count > last:
            break
    if frame is None or last - count >= FRAMES_LACKING:
        raise VideoError(
            f'the video {path} is damaged: frame {last} was announced, but '
            f'only {count} frames can be decoded')
    for lacking in chosen - found.keys():
        found[lacking] = frame.to_ndarray(format='rgb24')
    return [found[index] for index in wanted.tolist()]
