"""The official measures of both benchmarks, scene by scene."""

import numpy as np

# Probabilities below it cost no more than it does.
LOWEST_PROBABILITY = 0.05
ADE_OF = ('best_fde', 'lowest')


def most_likely(scores: np.ndarray | None, count: int,
                num_guesses: int) -> np.ndarray:
    """Which guesses are scored.

    Args:
        scores: (K, ) probabilities; None takes the first guesses.
        count: K.
        num_guesses: How many are allowed.

    Returns:
        np.ndarray: Their places, the most likely first.
    """
    if scores is None:
        return np.arange(min(count, num_guesses))
    return np.argsort(-scores, kind='stable')[:num_guesses]


def score_scene(trajs: np.ndarray, truth: np.ndarray,
                scores: np.ndarray | None = None, num_guesses: int = 6,
                miss_threshold: float = 2., ade_of: str = 'best_fde'
                ) -> dict[str, float]:
    """Score the guesses for one road user.

    Args:
        trajs: (K, F, 2), metres.
        truth: (F, 2), metres.
        scores: (K, ) probabilities, not logits.
        num_guesses: Only so many count, the most likely ones.
        miss_threshold: Metres; an end point farther away is a miss.
        ade_of: ``'best_fde'``: the average displacement is that of the guess
            with the best end point, as both benchmarks have it;
            ``'lowest'``: the lowest of all, as some papers on Argoverse 2.

    Returns:
        dict: ``minADE``, ``minFDE``, ``MR`` (0 or 1); with probabilities
        ``p-minADE``, ``p-minFDE``, ``p-MR``, ``brier-minADE`` and
        ``brier-minFDE`` too.

    Raises:
        ValueError: If scores are not probabilities.
    """
    kept = most_likely(scores, len(trajs), num_guesses)
    apart = np.linalg.norm(trajs[kept] - truth, axis=-1)  # (kept, F)
    best = int(apart[:, -1].argmin())
    fde = float(apart[best, -1])
    means = apart.mean(1)
    ade = float(means.min() if ade_of == 'lowest' else means[best])
    missed = float(fde > miss_threshold)
    found = dict(minADE=ade, minFDE=fde, MR=missed)
    if scores is None:
        return found
    if scores.min() < 0 or not scores[kept].sum() > 0:
        raise ValueError(f'these scores are no probabilities: {scores}; a '
                         'model gives logits, softmax makes them some')
    chance = float(scores[kept][best] / scores[kept].sum())
    surprise = min(-np.log(max(chance, 1e-300)), -np.log(LOWEST_PROBABILITY))
    found.update({
        'p-minADE': ade + surprise, 'p-minFDE': fde + surprise,
        'p-MR': 1. if missed else 1 - chance,
        'brier-minADE': ade + (1 - chance)**2,
        'brier-minFDE': fde + (1 - chance)**2})
    return found


def constant_velocity(positions: np.ndarray, horizon: int,
                      steps: int | None = None) -> np.ndarray:
    """The forecast that every other has to beat.

    Args:
        positions: (T, 2), the past.
        horizon: F.
        steps: Over how many of the last steps the velocity is averaged;
            None takes all.

    Returns:
        np.ndarray: (F, 2).

    Raises:
        ValueError: If the past has fewer steps than that.
    """
    known = len(positions) - 1
    steps = known if steps is None else steps
    if not 1 <= steps <= known:
        raise ValueError(f'a velocity over {steps} steps: the past has 1 to '
                         f'{known}')
    velocity = (positions[-1] - positions[-1 - steps]) / steps
    return positions[-1] + np.arange(1, horizon + 1)[:, None] * velocity
