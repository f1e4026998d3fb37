"""Timings that are robust on shared machines."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import torch

Step = Callable[[], None]


def measure(step: Step) -> float:
    """Seconds of one call: of the GPU where there is one, else of the CPU.

    CPU seconds are those of this process, summed over its threads, which
    other processes on the machine disturb far less than the clock.
    """
    if torch.cuda.is_available():
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        step()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end) / 1e3
    begun = time.process_time()
    step()
    return time.process_time() - begun


def interleave(steps: Mapping[str, Step], rounds: int, warm_up: int = 1,
               often: Sequence[str] = (),
               times_often: int = 1) -> dict[str, list[float]]:
    """Measure steps in turn, so that slow minutes hit all of them.

    Args:
        steps: Name -> what to measure.
        rounds: How often each of them is measured.
        warm_up: Rounds before, not counted.
        often: Steps that are measured ``times_often`` times in each round,
            in turn: those whose ratio is to be known best.
        times_often: See ``often``.

    Returns:
        dict: Name -> seconds, one per round, or ``times_often`` per round.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    for count in range(warm_up + rounds):
        for again in range(times_often if count >= warm_up else 1):
            for name, step in steps.items():
                if again and name not in often:
                    continue
                seconds = measure(step)
                if count >= warm_up:
                    times[name].append(seconds)
    return times


def per_round(times: Sequence[float], rounds: int) -> list[float]:
    """The median of each round, of as many measurements in each."""
    each, rest = divmod(len(times), rounds)
    if rest:
        raise ValueError(f'{len(times)} measurements in {rounds} rounds')
    return [median(times[i * each:(i + 1) * each]) for i in range(rounds)]


def ratios(times: Mapping[str, list[float]],
           base: str) -> dict[str, tuple[float, float, float]]:
    """Median, least and largest ratio to ``base``.

    One ratio per measurement where both were measured equally often, else
    one per round.
    """
    found = {}
    for name, own in times.items():
        count = min(len(own), len(times[base]))
        pairs = [
            a / b for a, b in zip(
                per_round(own, count), per_round(times[base], count),
                strict=True)
        ]
        found[name] = median(pairs), min(pairs), max(pairs)
    return found


def peak_memory(step: Step) -> int:
    """Bytes that this process, or the GPU, holds at most during a call.

    Raises:
        OSError: On a CPU whose system does not tell: it is read from Linux's
            ``/proc``.
    """
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        step()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()
    with open(f'/proc/{os.getpid()}/clear_refs', 'w') as stream:
        stream.write('5')  # forget the peak so far
    step()
    with open(f'/proc/{os.getpid()}/status') as stream:
        for line in stream:
            if line.startswith('VmHWM'):
                return int(line.split()[1]) * 1024
    raise OSError('/proc tells no peak memory (VmHWM)')
