"""Score the constant-velocity forecast on the test data of a config.

    python projects/motion_forecasting/tools/constant_velocity.py CONFIG

What any model has to beat with its one most likely guess. The velocity is
the mean over the last second of the past, and over all of it; --steps asks for
another length alone.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

import lm4ve_motion  # noqa: F401  (registers the data sets)
from lm4ve_motion.apis import mean_measures, velocity_forecast
from lm4ve_motion.datasets.scene import STEPS_PER_SECOND as SECOND

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS

NAMES = {SECOND: 'the last second', None: 'the whole past'}


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
        scenes = [data.full_scene(index)[0] for index in range(len(data))]
        ways = [args.steps] if args.steps else [SECOND, None]
        lines = [
            f'mean of {NAMES.get(steps, f"the last {steps} steps")}, '
            f'{len(scenes)} scenes: '
            + mean_measures(scenes, [velocity_forecast(scene, steps)
                                     for scene in scenes], 1)
            for steps in ways]
    except (OSError, ValueError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')
    print('\n'.join(lines))


if __name__ == '__main__':
    main()
