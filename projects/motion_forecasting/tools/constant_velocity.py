"""Score the constant-velocity forecast on the test data of a config.

    python projects/motion_forecasting/tools/constant_velocity.py CONFIG

What any model has to beat with its one most likely guess. The velocity is
the mean over the last --steps steps of the past, by default all of them.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

import lm4ve_motion  # noqa: F401  (registers the data sets)
import numpy as np
from lm4ve_motion.evaluation import constant_velocity, score_scene

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS


def main() -> None:
    """Score as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--steps', type=int)
    apis.add_config_options(parser)
    args = parser.parse_args()
    try:
        cfg = apis.load_config(args.config)
        cfg.merge_from_dict(args.cfg_options)
        data = DATASETS.build(dict(cfg.test_dataloader.dataset, cache=None))
        found = []
        for index in range(len(data)):
            scene, _ = data.full_scene(index)
            track = scene.positions[scene.target]
            past, truth = np.split(track, [scene.num_observed])
            guess = constant_velocity(past, len(truth), args.steps)
            found.append(score_scene(guess[None], truth))
    except (OSError, ValueError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')
    means = {name: np.mean([one[name] for one in found])
             for name in found[0]}
    print(f'{len(found)} scenes, K=1: ' + ', '.join(
        f'{name} {value:.3f}' for name, value in means.items()))


if __name__ == '__main__':
    main()
