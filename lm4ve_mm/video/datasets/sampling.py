"""Which frames of a video are looked at."""

import numpy as np
from mmcv.transforms import BaseTransform

from lm4ve_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SampleSegments(BaseTransform):
    """One frame from each of ``clip_len`` equal parts of a video.

    This is VideoMAE's sampling on Something-Something (TSN, arXiv
    1608.00859). With n frames and T = ``clip_len``:

    - training: frame ``i * (n // T) + a random one of n // T``, so the
      remainder at the end is never seen;
    - testing, clip k of K: frame ``int((i + k / K) * n / T)``. For K = 2
      that is the start and the middle of each part.

    A video of fewer than T frames repeats them in order; upstream trains on
    sixteen times its first frame.

    Required key: ``total_frames``, ``start_index``. Added keys:
    ``frame_inds`` (K * T, ) int32, ``clip_len``, ``frame_interval`` (None),
    ``num_clips``.

    Args:
        clip_len (int): T.
        num_clips (int): K, of testing.
        test_mode (bool): Whether to sample without random numbers.

    Raises:
        ValueError: If a number is less than 1, or several clips are wanted
            in training.
    """

    def __init__(self,
                 clip_len: int = 16,
                 num_clips: int = 1,
                 test_mode: bool = False) -> None:
        if clip_len < 1 or num_clips < 1:
            raise ValueError(f'clip_len={clip_len} and num_clips={num_clips} '
                             'both have to be at least 1')
        if num_clips > 1 and not test_mode:
            raise ValueError(
                f'num_clips={num_clips} is for test_mode=True; in training, '
                'num_repeats of the data set repeats a clip')
        self.clip_len = clip_len
        self.num_clips = num_clips
        self.test_mode = test_mode

    def transform(self, results: dict) -> dict:
        """Choose the frames."""
        chosen = self.choose(results['total_frames'])
        results['frame_inds'] = (chosen + results['start_index']).astype(
            np.int32)
        results['clip_len'] = self.clip_len
        results['frame_interval'] = None
        results['num_clips'] = self.num_clips
        return results

    def choose(self, total: int) -> np.ndarray:
        """Give the indices (K * T, ) of frames 0..total - 1."""
        parts = np.arange(self.clip_len)
        length = total // self.clip_len
        if not self.test_mode and length:
            return parts * length + np.random.randint(
                length, size=self.clip_len)
        clips = np.arange(self.num_clips)[:, None]
        # In integers: (i + k / K) * n / T without rounding.
        numerator = (parts * self.num_clips + clips) * total
        return (numerator // (self.num_clips * self.clip_len)).reshape(-1)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(clip_len={self.clip_len}, '
                f'num_clips={self.num_clips}, test_mode={self.test_mode})')
