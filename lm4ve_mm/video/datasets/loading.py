"""Opening and decoding videos, with errors that name the file."""

import logging
import os
from importlib.util import find_spec

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from lm4ve_mm.registry import TRANSFORMS

from ..files import CodecNotFoundError, VideoError, VideoNotFoundError, naming
from ..files.decord_frames import read_in_order, unlike_pyav
from ..files.frames import read_frames
from ..files.packet_index import PacketIndex, read_index

MODULES = dict(pyav='av', decord='decord')


SAID = set()


def say_once(what: str, path: str) -> None:
    """Log a warning and the first file it is about, once in a process."""
    if what not in SAID:
        SAID.add(what)
        print_log(f'{what}; the first is {path}', logger='current',
                  level=logging.WARNING)


@TRANSFORMS.register_module()
class VideoInit(BaseTransform):
    """Opens a video.

    Both backends give the same frames. PyAV decodes every file that FFmpeg
    knows. Decord is offered for plain mp4 and Matroska files; what it would
    decode otherwise than PyAV, or cannot decode, PyAV decodes, which the log
    tells once for each reason. Likewise decord is tried where PyAV was built
    without a decoder.

    Required key: ``filename``. Added keys: ``video_reader``,
    ``total_frames``, ``avg_fps``, ``video_backend``.

    Args:
        backend (str): ``'pyav'``, ``'decord'``, or ``'auto'``, which is
            PyAV: it is no slower and needs no second look at a file.

    Raises:
        ValueError: If there is no such backend.
        ImportError: If it, or PyAV, is not installed.
    """

    def __init__(self, backend: str = 'auto') -> None:
        if backend != 'auto' and backend not in MODULES:
            raise ValueError(f"videos are decoded by 'pyav', 'decord' or "
                             f"'auto', not {backend!r}")
        self.backend = 'pyav' if backend == 'auto' else backend
        for module in {'av', MODULES[self.backend]}:
            if not find_spec(module):
                raise ImportError(
                    f'{module} is not installed, which videos are decoded '
                    f'with: pip install {module}, or this package with '
                    '[video]')

    def transform(self, results: dict) -> dict:
        """Open the video.

        Raises:
            VideoNotFoundError: If it is not there.
            VideoError: If it cannot be opened or has no frame.
            CodecNotFoundError: If no decoder for it is installed.
        """
        path = results['filename']
        if not os.path.isfile(path):
            raise VideoNotFoundError(f'there is no video {path}')
        if not os.path.getsize(path):
            raise VideoError(f'the video {path} is an empty file')
        with naming(path, 'pyav'):
            index = read_index(path)
        reader = self._open_decord(path, index)
        count = index.count if index.codec else len(reader)
        if count < 1:
            raise VideoError(f'the video {path} has no frames')
        results['video_reader'] = reader or index
        results['video_backend'] = 'decord' if reader else 'pyav'
        results['total_frames'] = count
        results['avg_fps'] = index.fps
        return results

    def _open_decord(self, path: str, index: PacketIndex):
        """Open the video with decord; None where PyAV is to decode it."""
        if not index.codec:
            return self._open_what_pyav_lacks(path)
        if self.backend != 'decord':
            return None
        with naming(path, 'pyav'):
            reason = unlike_pyav(path, index)
        if not reason:
            try:
                with naming(path, 'decord'):
                    return open_reader(path)
            except VideoError:
                reason = f'the codec {index.codec}'
        say_once(f'decord fails, or gives other frames, for {reason}, so PyAV '
                 'decodes them', path)
        return None

    @staticmethod
    def _open_what_pyav_lacks(path: str):
        """Open with decord what PyAV has no decoder for.

        Raises:
            CodecNotFoundError: If decord has none either.
        """
        tried = 'decord is not installed'
        if find_spec('decord'):
            try:
                with naming(path, 'decord'):
                    reader = open_reader(path)
            except VideoError as error:
                tried = f'decord fails: {error}'
            else:
                say_once('PyAV was built without a decoder for some videos, '
                         'so decord decodes them', path)
                return reader
        raise CodecNotFoundError(
            f'PyAV has no decoder for the codec of the video {path}, and '
            f'{tried}. The file need not be damaged: install a newer av, or '
            'convert it to H.264')

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend={self.backend!r})'


def open_reader(path: str):
    """Open a video with decord."""
    import decord
    return decord.VideoReader(path, num_threads=1)


@TRANSFORMS.register_module()
class VideoDecode(BaseTransform):
    """Decodes the chosen frames of what :class:`VideoInit` opened.

    Pictures are turned upright where the file says so. Required keys:
    ``video_reader``, ``video_backend``, ``frame_inds``. Added keys:
    ``imgs``, a list of (H, W, 3) uint8 RGB, ``img_shape`` and
    ``original_shape``.
    """

    def transform(self, results: dict) -> dict:
        """Decode.

        Raises:
            VideoError: If that fails.
        """
        path, backend = results['filename'], results['video_backend']
        reader, wanted = results['video_reader'], results['frame_inds']
        with naming(path, backend):
            if backend == 'decord':
                results['imgs'] = read_in_order(reader, np.asarray(wanted))
            else:
                results['imgs'] = read_frames(
                    path, reader, np.asarray(wanted))
        results['video_reader'] = None
        shape = results['imgs'][0].shape[:2]
        results['original_shape'] = results['img_shape'] = shape
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
