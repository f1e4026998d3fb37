"""Official accuracy of answering without looking at the image.

    python projects/vqa/tools/blind_accuracy.py CONFIG

To each test question the most frequent answer to the same question in the
training data is given, or to its type of question. What a model has beyond
this it has from images.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

from lm4ve_vqa.datasets import VQAv2
from lm4ve_vqa.evaluation.blind import BlindAnswers
from tqdm import tqdm

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError


def questions_of(cfg, stage: str) -> list[dict]:
    """The questions of a data set; images and tokens are not touched."""
    given = cfg[f'{stage}_dataloader'].dataset
    if not issubclass(DATASETS.get(given.type), VQAv2):
        raise ConfigError(f'{stage}_dataloader.dataset is {given.type}, which '
                          'has no questions: give a config of VQAv2 or of '
                          'the digits')
    data = DATASETS.build(dict(given, pipeline=[], drop_unanswerable=False))
    items = [data.get_data_info(i)
             for i in tqdm(range(len(data)), desc=stage, disable=None)]
    if 'gt_answer' not in items[0]:
        raise ConfigError(f'{stage}_dataloader.dataset has no published '
                          'answers, as all of test2015')
    return items


@apis.explained()
def main() -> None:
    """Answer as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    apis.add_config_options(parser)
    args = parser.parse_args()
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    blind = BlindAnswers(questions_of(cfg, 'train'))
    tested = questions_of(cfg, 'test')
    found = blind.accuracy(tested)
    print(f'{len(tested)} questions, answered without the image: '
          + ', '.join(f'{kind} {value:.2f}' for kind, value in found.items()))


if __name__ == '__main__':
    main()
