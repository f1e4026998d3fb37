"""Print a config with its bases merged: ``print_config.py CONFIG``."""

import sys
from argparse import ArgumentParser
from contextlib import redirect_stdout

try:
    from lm4ve_mm import apis
except ModuleNotFoundError as error:
    if error.name not in ('lm4ve_mm', 'mmengine'):
        raise
    raise SystemExit(
        f'{error.name} is not installed. In the checkout: '
        "pip install -e '.[all]' -c requirements/constraints.txt") from error


@apis.explained()
def main() -> None:
    """Print the config as the command line says."""
    parser = ArgumentParser(description='Print a config, its bases merged')
    parser.add_argument('config', help='config file')
    apis.add_config_options(parser)
    args = parser.parse_args()
    # Whatever is said while it is read is not part of the config.
    with redirect_stdout(sys.stderr):
        cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    print(cfg.pretty_text)


if __name__ == '__main__':
    main()
