"""Open a local page: drop an image, see prediction and activation maps.

    python tools/visualization/explore.py CONFIG CHECKPOINT \
        [--vs CONFIG2 CHECKPOINT2]

With --vs two models, such as the host and the host with the block, answer
beside each other. The page is for this machine alone (127.0.0.1).
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import cv2

from lm4ve_mm import apis
from lm4ve_mm.apis.explorer import Shown, build_page

HOST = '127.0.0.1'


def parse() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--vs', nargs=2, default=[],
                        metavar=('CONFIG', 'CHECKPOINT'))
    parser.add_argument('--image', help='a file to begin with')
    parser.add_argument('--port', type=int, default=7860)
    return parser.parse_args()


@apis.explained(OSError, ValueError, RuntimeError, ImportError)
def main() -> None:
    """Build the models and serve the page until it is stopped."""
    args = parse()
    shown = []
    for config, checkpoint in [(args.config, args.checkpoint),
                               *[args.vs] * bool(args.vs)]:
        cfg = apis.load_config(config)
        shown.append(Shown(Path(config).stem, cfg,
                           apis.load_model(cfg, checkpoint)))
    example = None
    if args.image is not None:
        pixels = cv2.imread(args.image)
        if pixels is None:
            raise ValueError(f'{args.image} is no image that can be read')
        example = pixels[..., ::-1].copy()
    build_page(shown, example).launch(
        server_name=HOST, server_port=args.port, share=False)


if __name__ == '__main__':
    main()
