"""Draw questions with a model's answers, from above and in 3D.

    python projects/vqa_3d/tools/draw_rooms.py CONFIG CHECKPOINT \
        --out rooms.png --count 9

Questions are of the config's test data. The arrow is the situation; dots are
proposals with an object, coloured by how strongly their token is activated
behind the block. A red title marks a wrong answer.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from lm4ve_vqa3d.apis import respond
from lm4ve_vqa3d.drawing import Drawn, draw_sheet

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS


def run(args: Namespace) -> None:
    """Load, answer and draw."""
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {args.checkpoint}')
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    model = apis.load_model(cfg, args.checkpoint)
    data = DATASETS.build(cfg.test_dataloader.dataset)
    drawn = []
    for row in drawing.pick(data, args.count):
        info = data.get_data_info(row)
        drawn.append(Drawn(
            info['scene'].vertices[:, :6], info['position'],
            info['rotation'], info['situation_text'], info['question_text'],
            info['answer'],
            respond(model, data.pipeline(info), data.answers)))
    draw_sheet(drawn, args.out)
    right = sum(one.right for one in drawn)
    print(f'wrote {args.out}: {right} of {len(drawn)} right')


@apis.explained()
def main() -> None:
    """Draw as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, default=Path('rooms.png'))
    parser.add_argument('--count', type=int, default=9)
    apis.add_config_options(parser)
    args = parser.parse_args()
    if args.count < 1:
        parser.error(f'--count {args.count} draws nothing')
    run(args)


if __name__ == '__main__':
    main()
