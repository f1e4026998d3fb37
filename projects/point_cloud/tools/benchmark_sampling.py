"""Measure farthest point sampling on one core.

    python projects/point_cloud/tools/benchmark_sampling.py

Prints milliseconds of CPU time per cloud, the best of a few runs, as a
worker of a data loader would spend them.
"""

import time
from argparse import ArgumentParser

import numpy as np

from lm4ve_mm.ops import fps_numpy

# Points of the cloud, and how many are kept.
CASES = ((1024, 64), (2048, 1024), (2048, 1200), (8192, 1200), (8192, 8192))


def measure(size: int, num: int, repeats: int) -> float:
    """Return the milliseconds for one cloud of unit radius."""
    cloud = np.random.default_rng(0).normal(size=(size, 3)).astype(np.float32)
    cloud /= np.linalg.norm(cloud, axis=1).max()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        fps_numpy(cloud, num)
        times.append(time.process_time() - start)
    return 1000 * min(times)


def main() -> None:
    """Measure as the command line says."""
    parser = ArgumentParser(description='Measure farthest point sampling')
    parser.add_argument('--repeats', type=int, default=10)
    args = parser.parse_args()
    for size, num in CASES:
        spent = measure(size, num, args.repeats)
        print(f'{size:5d} -> {num:4d}: {spent:6.2f} ms')


if __name__ == '__main__':
    main()
