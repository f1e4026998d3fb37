"""Honest timings on machines that are shared with others."""

import os
import time
from statistics import median
from typing import Callable, Dict, List, Mapping, Tuple

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


def interleave(steps: Mapping[str, Step], rounds: int,
               warm_up: int = 1) -> Dict[str, List[float]]:
    """Measure steps in turn, so that slow minutes hit all of them.

    Args:
        steps: Name -> what to measure.
        rounds: Measurements of each.
        warm_up: Rounds before, not counted.

    Returns:
        dict: Name -> seconds, one per round.
    """
    times: Dict[str, List[float]] = {name: [] for name in steps}
    for count in range(warm_up + rounds):
        for name, step in steps.items():
            seconds = measure(step)
            if count >= warm_up:
                times[name].append(seconds)
    return times


def ratios(times: Mapping[str, List[float]],
           base: str) -> Dict[str, Tuple[float, float, float]]:
    """Median, least and largest ratio to ``base``, round by round."""
    found = {}
    for name, own in times.items():
        pairs = [a / b for a, b in zip(own, times[base], strict=True)]
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
