"""Draw a sheet of test questions with what a model answers.

    python projects/vqa/tools/draw_answers.py CONFIG CHECKPOINT \
        --out answers.png

Beside each image stands the activation of its tokens behind the frozen block:
bright ones answer strongly. A red title marks an answer for which the
official metric gives nothing.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from pathlib import Path

from lm4ve_vqa.activation import image_activation
from lm4ve_vqa.apis import answers_of
from lm4ve_vqa.drawing import Shown, draw_sheet
from lm4ve_vqa.evaluation import vqa_accuracy
from mmengine.config import Config
from mmengine.dataset import default_collate

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS


def predict(cfg: Config, checkpoint: str, count: int) -> list[Shown]:
    """Ask a model the questions that are drawn."""
    model = apis.load_model(cfg, checkpoint)
    data = DATASETS.build(cfg.test_dataloader.dataset)
    answers, rows = answers_of(cfg, model), []
    for index in drawing.pick(data, count):
        item = data[index]
        looked = image_activation(model, default_collate([item]))
        sample, = looked.samples
        label, given = int(sample.pred_label), sample.get('gt_answer')
        truth = Counter(given).most_common(1)[0][0] if given else None
        rows.append(Shown(
            item['inputs'].permute(1, 2, 0).numpy(), looked.activation[0],
            sample.question, answers[label], float(sample.pred_score[label]),
            truth, not given or vqa_accuracy(answers[label], given) > 0))
    return rows


@apis.explained()
def main() -> None:
    """Draw as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, default=Path('answers.png'))
    parser.add_argument('--count', type=int, default=16,
                        help='questions to draw (default: 16)')
    apis.add_config_options(parser)
    args = parser.parse_args()
    if args.count < 1:
        parser.error(f'--count {args.count} draws nothing')
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    rows = predict(cfg, args.checkpoint, args.count)
    draw_sheet(rows, args.out)
    right = sum(one.right for one in rows)
    print(f'wrote {args.out}: {right} of {len(rows)} right')


if __name__ == '__main__':
    main()
