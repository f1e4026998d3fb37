"""Videos for the tests of what reads them."""

import av
import numpy as np
import pytest

from lm4ve_mm.video.files.encoding import write_mp4


def remux(source, target, **options):
    """Copy the H.264 stream into another container."""
    with av.open(str(source)) as given, av.open(
            str(target), 'w', **options) as taken:
        stream = given.streams.video[0]
        copy = taken.add_stream_from_template(stream)
        for packet in given.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                taken.mux(packet)


@pytest.fixture(scope='session')
def videos(tmp_path_factory):
    """A folder of videos, good and bad ones.

    ``good.mp4`` has 20 frames of 48x64 whose level is 10 times their index;
    ``good.mkv`` is the same without a number of frames; ``fast.mp4`` has its
    index in front, so that ``cut.mp4``, the first part of it, can be opened;
    ``headless.mp4`` cannot; nor can ``text.mp4`` and ``empty.mp4``.
    """
    folder = tmp_path_factory.mktemp('videos')
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 40, 64).astype(np.uint8)[None, :, None]
    frames = [np.full((48, 64, 3), 10 * i, np.uint8) + ramp
              + rng.integers(0, 3, (48, 64, 3), np.uint8) for i in range(20)]
    write_mp4(folder / 'good.mp4', frames)
    remux(folder / 'good.mp4', folder / 'good.mkv')
    remux(folder / 'good.mp4', folder / 'fast.mp4',
          options=dict(movflags='faststart'))
    whole = (folder / 'good.mp4').read_bytes()
    (folder / 'headless.mp4').write_bytes(whole[:len(whole) // 2])
    whole = (folder / 'fast.mp4').read_bytes()
    (folder / 'cut.mp4').write_bytes(whole[:len(whole) * 6 // 10])
    (folder / 'text.mp4').write_text('this is no video\n' * 100)
    (folder / 'empty.mp4').touch()
    return folder


@pytest.fixture
def clip():
    """Three frames (40, 56, 3) of noise, as decoders give them."""
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (3, 40, 56, 3), np.uint8))
