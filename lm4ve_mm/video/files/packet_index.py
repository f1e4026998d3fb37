"""What a video's packets tell about its frames, without decoding any."""

from typing import NamedTuple

# Only here does each packet hold the time at which its frame is shown;
# other containers leave times out, or give those of decoding.
TIMED_FORMATS = ('mov', 'matroska')
# Containers may announce a frame or two more than they hold.
FRAMES_LACKING = 2


class PacketIndex(NamedTuple):
    """The frames of a video in the order in which they are shown.

    Args:
        count: How many frames there are. Neither those that an edit list
            cuts away count, nor what comes before the first key frame.
        times: Of the frames, in the stream's unit; None where the file does
            not tell, and frames can only be counted from the first.
        keys: Where decoding can start: number of the packet, and its time.
        plain: Whether every packet counts, and the first time is 0.
        fps: Frames per second on average, 0 if unknown.
        codec: Its name; empty if PyAV was built without a decoder for it,
            and nothing else is known.
    """

    count: int
    times: list[int] | None
    keys: list[tuple[int, int]]
    plain: bool
    fps: float
    codec: str

    @property
    def start(self) -> int:
        """The packet of the first frame."""
        return self.keys[0][0] if self.keys else 0

    def start_for(self, frame: int) -> int:
        """Give the last packet from which a frame should be decodable."""
        if self.times is None or frame >= self.count:
            return self.start
        return max((number for number, time in self.keys
                    if time <= self.times[frame]), default=self.start)


def video_stream(container):
    """Choose the stream as FFmpeg does, rather than a cover picture.

    Raises:
        IndexError: If there is none.
    """
    stream = container.streams.best('video')
    if stream is None:
        raise IndexError('it has no pictures, only sound or text')
    return stream


def read_index(path: str) -> PacketIndex:
    """Go through the packets of a video.

    Raises:
        FFmpegError: If it cannot be read.
        IndexError: If it has no pictures, or fewer than it announces.
    """
    import av
    with av.open(path) as container:
        stream = video_stream(container)
        fps = float(stream.average_rate or 0)
        if stream.codec_context is None:
            return PacketIndex(0, None, [], False, fps, '')
        # The table of an mp4 announces frames that its edit list leaves out.
        announced = min(stream.frames, len(stream.index_entries))
        times, keys, held = [], [], 0
        for number, packet in enumerate(container.demux(stream)):
            held += packet.size > 0
            if packet.is_keyframe:
                keys.append((number, packet.pts))
                if len(keys) == 1:
                    times = []
            if packet.size and not packet.is_discard:
                times.append(packet.pts)
        if announced - held > FRAMES_LACKING:
            raise IndexError(f'{announced} frames are announced, but only '
                             f'{held} are there')
        timed = (container.format.name.startswith(TIMED_FORMATS)
                 and None not in times and len(set(times)) == len(times))
        if timed:
            times.sort()
        return PacketIndex(
            count=len(times),
            times=times if timed else None,
            keys=keys,
            plain=timed and len(times) == held and times[:1] == [0],
            fps=fps,
            codec=stream.codec_context.codec.canonical_name)
