"""The options of the tools.

They are MMPretrain's, so habits and scripts carry over. The text of mim's
option for the number of processes must not appear in the help: mim searches
it there, and would then add an option that we do not have.
"""

from argparse import ArgumentParser

from mmengine.config import DictAction


def _common_parser(description: str) -> ArgumentParser:
    """Make a parser with what training and testing share."""
    parser = ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints; default: work_dir of the '
        'config, else work_dirs/<name of the config>')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: fp16 with loss scaling on a GPU, bf16 on CPU')
    parser.add_argument(
        '--no-pin-memory',
        action='store_true',
        help='turn pin_memory off in all data loaders')
    add_config_options(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes')
    # The older torch launcher passes either spelling to every process.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser


def add_config_options(parser: ArgumentParser) -> None:
    """Add ``--cfg-options``, which overrides keys of the config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override keys of the config, after everything else: a.b=1 '
        'c="[1,2]" d="[(1,2),(3,4)]", without white space inside a value')


def training_parser() -> ArgumentParser:
    """Make the parser of ``tools/train.py``."""
    parser = _common_parser('Train a model')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume from this checkpoint; without a value, from the latest '
        'in the work folder')
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='do not evaluate during training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the real batch size over '
        'auto_scale_lr.base_batch_size of the config')
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='turn persistent_workers off in all data loaders')
    return parser


def testing_parser() -> ArgumentParser:
    """Make the parser of ``tools/test.py``."""
    parser = _common_parser('Test a model')
    parser.add_argument('checkpoint', help='checkpoint file or address')
    parser.add_argument('--out', help='file for the results: .pkl, .json')
    parser.add_argument(
        '--out-item',
        choices=['metrics', 'pred'],
        help='what --out saves; default: pred')
    parser.add_argument(
        '--results',
        metavar='FILE.json',
        help='save which samples were answered right, for '
        'tools/analysis_tools/compare.py')
    parser.add_argument(
        '--show-dir', help='folder for the drawn predictions')
    parser.add_argument(
        '--show', action='store_true', help='draw predictions in a window')
    parser.add_argument(
        '--interval', type=int, default=1, help='draw every N-th sample')
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds per window')
    parser.add_argument(
        '--tta',
        action='store_true',
        help='augment at test time: tta_model and tta_pipeline of the '
        'config, else the average over a horizontal flip')
    return parser
