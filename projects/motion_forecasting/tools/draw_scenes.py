"""Draw scenes with what a model forecasts, beside another one if given.

    python projects/motion_forecasting/tools/draw_scenes.py CONFIG CHECKPOINT \
        --beside CONFIG CHECKPOINT --out scenes.png

Scenes are of the config's test data, or those given with --scenes: CSV files
of Argoverse 1 (--map-root for lanes) or folders of Argoverse 2. Lanes are
grey, the target's past is black, its true future green, forecasts orange with
their probabilities. A red title marks a miss: none of the six ends within 2 m.
The official measures of these scenes are printed beside those of the
constant-velocity forecast.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from lm4ve_motion.apis import (
    forecast,
    mean_measures,
    read_scene,
    velocity_forecast,
)
from lm4ve_motion.datasets.scene import STEPS_PER_SECOND as SECOND
from lm4ve_motion.drawing import draw_sheet, missed
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS


def scenes_of(cfg: Config, args: Namespace) -> list:
    """Scenes and their lanes."""
    if args.scenes:
        return [read_scene(path, args.map_root) for path in args.scenes]
    data = DATASETS.build(cfg.test_dataloader.dataset)
    return [data.full_scene(i) for i in drawing.pick(data, args.count)]


def run(args: Namespace) -> None:
    """Load, forecast and draw."""
    models = []
    for config, checkpoint in ((args.config, args.checkpoint),
                               *([args.beside] if args.beside else [])):
        if not Path(checkpoint).is_file():
            raise FileNotFoundError(f'there is no checkpoint {checkpoint}')
        cfg = apis.load_config(config)
        cfg.merge_from_dict(args.cfg_options)
        models.append((Path(config).stem, cfg,
                       apis.load_model(cfg, checkpoint)))
    rows = [(scene, lanes, [forecast(model, cfg, scene, lanes)
                            for _, cfg, model in models])
            for scene, lanes in scenes_of(models[0][1], args)]
    names = [name for name, *_ in models]
    draw_sheet(rows, names, args.out)
    drawn = [scene for scene, *_ in rows]
    for place, name in enumerate(names):
        found = [forecasts[place] for *_, forecasts in rows]
        misses = sum(map(missed, drawn, found))
        print(f'{name}: {misses} of {len(rows)} missed')
        for count in (1, 6):
            print(f'  {mean_measures(drawn, found, count)}')
    found = [velocity_forecast(scene, SECOND) for scene in drawn]
    print('constant velocity, mean of the last second\n'
          f'  {mean_measures(drawn, found, 1)}')
    print(f'wrote {args.out}')


def main() -> None:
    """Draw as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--beside', nargs=2, metavar=('CONFIG', 'CHECKPOINT'))
    parser.add_argument('--scenes', nargs='+', type=Path)
    parser.add_argument('--map-root', help='map files of Argoverse 1')
    parser.add_argument('--out', type=Path, default=Path('scenes.png'))
    parser.add_argument('--count', type=int, default=12)
    apis.add_config_options(parser)
    args = parser.parse_args()
    if args.count < 1:
        parser.error(f'--count {args.count} draws nothing')
    try:
        run(args)
    # Missing or broken data and weights, whose messages are for people.
    except (OSError, ValueError, RuntimeError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')


if __name__ == '__main__':
    main()
