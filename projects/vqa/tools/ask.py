"""Ask a trained model about an image.

    python projects/vqa/tools/ask.py CONFIG CHECKPOINT IMAGE \
        "What color is the bus?" --heat-map where.png

Prints the best answers with their probabilities. They are sigmoids, as the
model is trained with, and do not add up to 1. The heat map shows how strongly
each image token answers behind the frozen block.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from lm4ve_vqa.activation import image_activation
from lm4ve_vqa.apis import VQAInferencer
from lm4ve_vqa.drawing import Shown, draw_sheet

from lm4ve_mm import apis


@apis.explained()
def main() -> None:
    """Ask as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('image')
    parser.add_argument('question')
    parser.add_argument('--topk', type=int, default=5,
                        help='answers to print (default: 5)')
    parser.add_argument('--heat-map', type=Path, metavar='FILE',
                        help='a picture of where the model looked')
    parser.add_argument('--device', help='such as cuda (default: the CPU)')
    apis.add_config_options(parser)
    args = parser.parse_args()
    if args.topk < 1:
        parser.error(f'--topk {args.topk} prints nothing')
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    inferencer = VQAInferencer(cfg, args.checkpoint, args.device)
    answer(inferencer, args)


def answer(inferencer: VQAInferencer, args: Namespace) -> None:
    """Print answers, and draw where the model looked if that is wanted."""
    found, = inferencer(args.image, args.question, topk=args.topk)
    # Behind the progress bar.
    print(f'\n{args.question}')
    for text, score in found['answers']:
        print(f'{score:7.1%}  {text!r}' if not text else
              f'{score:7.1%}  {text}')
    if args.heat_map is None:
        return
    batch, = inferencer.preprocess(
        [dict(img=args.image, question=args.question)])
    looked = image_activation(inferencer.model, batch)
    image = batch['inputs'][0].permute(1, 2, 0).numpy()
    text, score = found['answers'][0]
    draw_sheet([Shown(image, looked.activation[0], args.question, text,
                      score)], args.heat_map)
    print(f'wrote {args.heat_map}')


if __name__ == '__main__':
    main()
