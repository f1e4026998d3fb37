"""Rank the images of a folder for a sentence.

    python projects/vqa/tools/search_images.py CONFIG CHECKPOINT FOLDER \
        "Two dogs run through snow." --out best.png

CONFIG is one for retrieval. Every image goes through the whole model with
the sentence: some hundred images take a while on a CPU. Scores compare images
for one sentence; they are no probabilities.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

from lm4ve_vqa.apis import ImageSearchInferencer
from lm4ve_vqa.datasets import LoadPhoto
from lm4ve_vqa.drawing import draw_ranking

from lm4ve_mm import apis


@apis.explained()
def main() -> None:
    """Search as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('folder', type=Path)
    parser.add_argument('sentence')
    parser.add_argument('--topk', type=int, default=5,
                        help='images to name (default: 5)')
    parser.add_argument('--out', type=Path,
                        help='a picture of the best images')
    parser.add_argument('--device', help='such as cuda (default: the CPU)')
    apis.add_config_options(parser)
    args = parser.parse_args()
    if args.topk < 1:
        parser.error(f'--topk {args.topk} names nothing')
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    search = ImageSearchInferencer(cfg, args.folder, args.checkpoint,
                                   args.device)
    best, = search(args.sentence, topk=args.topk)
    # Behind the progress bar.
    print()
    for one in best:
        print(f'{one["match_score"]:8.3f}  {one["sample"]["img_path"]}')
    if args.out is not None:
        images = [LoadPhoto().transform(dict(one['sample']))['img'].convert(
            'RGB') for one in best]
        draw_ranking(images, [one['match_score'] for one in best],
                     args.sentence, args.out)
        print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
