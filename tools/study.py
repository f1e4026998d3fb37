"""Does the block help? Trains a model and its controls, and compares them.

    python tools/study.py CONFIG --controls host random mlp --seeds 0 1 2

CONFIG is that of the model with the frozen block. Controls are made of it by
replacing the block alone. A study that was stopped goes on when the same
command is given again; runs that are done are not repeated.
"""

import json
import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from lm4ve_mm import apis
from lm4ve_mm.analysis import study_report, study_tables
from lm4ve_mm.apis import study, study_tests
from lm4ve_mm.apis.controls import CONTROLS
from lm4ve_mm.apis.study_outcomes import read_outcomes
from lm4ve_mm.utils.explain import explained
from lm4ve_mm.utils.files import replacing

TOOLS = Path(__file__).resolve().parent


def parse() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Train a model and its controls')
    parser.add_argument('config', help='config with the frozen block')
    parser.add_argument('--controls', nargs='+', choices=CONTROLS,
                        default=['host', 'random', 'mlp'])
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument(
        '--work-dir', type=Path,
        help='default: work_dirs/study/<name of the config>')
    parser.add_argument('--metric', help='default: top-1 accuracy')
    parser.add_argument('--lower-is-better', action='store_true')
    parser.add_argument('--jobs', type=int, default=1,
                        help='how many runs at a time')
    parser.add_argument(
        '--trained-lr-mult', type=float, default=1.,
        help='factor of the learning rate of blocks that are trained '
        '(random_trained, finetuned)')
    parser.add_argument('--launcher', choices=['none', 'slurm'],
                        default='none')
    parser.add_argument(
        '--srun', default='', metavar='OPTIONS',
        help='options of srun, in quotes: "-p gpu --gres=gpu:4 --ntasks=4"')
    parser.add_argument(
        '--also-test', nargs='+', default=[], metavar='CONFIG',
        help='configs with the same model and other test data or an attack: '
        'every run is tested with them too, in this process')
    parser.add_argument(
        '--filtering', action='store_true',
        help='score how well tokens mark the foreground, if the test data '
        'have masks')
    parser.add_argument('--amp', action='store_true',
                        help='train in mixed precision')
    apis.add_config_options(parser)
    return parser.parse_args()


def say(line: str) -> None:
    """Print at once, also into a pipe."""
    print(line, flush=True)


@explained()
def main() -> None:
    """Carry out the study, or what is left of it."""
    args = parse()
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    folder = args.work_dir or Path('work_dirs/study') / Path(args.config).stem
    tests = study_tests.read_tests(args.also_test, cfg)
    runs = study.plan(cfg, args.controls, args.seeds, folder,
                      args.trained_lr_mult)
    prefix = ()
    if args.launcher == 'slurm':
        prefix = ('srun', *shlex.split(args.srun))
    launch = study.Launch(TOOLS, prefix, args.launcher,
                          ('--amp', ) if args.amp else (),
                          results=args.metric is None)
    failed = study.carry_out_all(runs, launch, args.jobs, say)
    study_tests.also_test(runs, tests, say)
    if args.filtering:
        study_tests.look_into(runs, say=say)
    metric, outcomes = read_outcomes(runs, args.metric)
    found = study_report.report(outcomes, metric, args.lower_is_better)
    found['further'] = study_tables.tables(study_tests.read_measured(
        runs, [*tests, *[study_tests.FILTERING] * args.filtering]))
    with replacing(folder / 'report.json') as temporary:
        Path(temporary).write_text(json.dumps(found, indent=1))
    study_report.draw(found, folder / 'report.png')
    print(f'\n{study_report.table(found)}\n\n'
          f'{study_tables.text(found["further"])}\n\n'
          f'  {folder / "report.json"}\n  {folder / "report.png"}')
    if failed:
        sys.exit('\n'.join([f'{len(failed)} runs failed and are missing '
                            'above:', *failed]))


if __name__ == '__main__':
    main()
