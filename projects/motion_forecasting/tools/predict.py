"""Forecast scenes of your own.

    python projects/motion_forecasting/tools/predict.py CONFIG CHECKPOINT \
        SCENE... --map-root data/argoverse1/map_files --out forecasts

A SCENE is a CSV file of Argoverse 1 or a folder of Argoverse 2, with or
without its future. Each gets a picture and a JSON file with its trajectories
in city coordinates. CHECKPOINT is one of ours or of the two reference
repositories. Without --map-root scenes of Argoverse 1 have no lanes.
"""

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from lm4ve_motion.apis import forecast, read_scene
from lm4ve_motion.drawing import draw_sheet

from lm4ve_mm import apis
from lm4ve_mm.utils.files import replacing


def run(args: Namespace) -> None:
    """Read, forecast, and write two files for each scene."""
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {args.checkpoint}')
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    scenes = [read_scene(path, args.map_root) for path in args.scenes]
    model = apis.load_model(cfg, args.checkpoint)
    for scene, lanes in scenes:
        found = forecast(model, cfg, scene, lanes)
        picture = args.out / f'{scene.scene_id}.png'
        draw_sheet([(scene, lanes, [found])], [Path(args.config).stem],
                   picture, columns=1)
        with replacing(picture.with_suffix('.json')) as temporary:
            Path(temporary).write_text(json.dumps(found.to_json(scene)))
        end = ', '.join(f'{x:.1f}' for x in found.trajs[0, -1])
        print(f'{scene.scene_id}: the likeliest of {len(found.chances)} '
              f'({found.chances[0]:.0%}) ends at ({end}); {picture} and '
              '.json')


def main() -> None:
    """Forecast as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('scenes', nargs='+', type=Path, metavar='SCENE')
    parser.add_argument('--map-root', help='map files of Argoverse 1')
    parser.add_argument('--out', type=Path, default=Path('forecasts'))
    apis.add_config_options(parser)
    args = parser.parse_args()
    try:
        run(args)
    # Missing or broken data and weights, whose messages are for people.
    except (OSError, ValueError, RuntimeError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')


if __name__ == '__main__':
    main()
