"""Answer with what is most frequent, without looking: the score to beat.

    python projects/vqa_3d/tools/type_prior.py CONFIG

Counts the config's training answers and scores its test data, twice: by the
most frequent answer of the question's type, and by that of the very same
question, whatever the situation.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter, defaultdict
from collections.abc import Sequence

import lm4ve_vqa3d  # noqa: F401  (registers the data sets)
from lm4ve_vqa3d.evaluation import Ranked, exact_match, place_among

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS


def prior(train: Sequence[dict], test: Sequence[dict],
          keys: Sequence[str]) -> dict[str, float]:
    """Score the most frequent answers.

    Args:
        train: Whose answers are counted.
        test: What is answered.
        keys: What an answer may depend on, the first that was met counts.
    """
    counts: dict[tuple, Counter] = defaultdict(Counter)
    for one in train:
        for key in keys:
            counts[key, one[key]][one['answer']] += 1

    def rank(one: dict) -> int:
        met = next((counts[key, one[key]] for key in keys
                    if (key, one[key]) in counts), Counter())
        return place_among([name for name, _ in met.most_common()],
                           one['answer'])

    return exact_match([Ranked(one['question_type'], rank(one))
                        for one in test])


def questions_of(data: dict) -> dict:
    """The data set inside :class:`SharedScenes`."""
    return data.get('dataset', data)


@apis.explained()
def main() -> None:
    """Score as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    apis.add_config_options(parser)
    args = parser.parse_args()
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    train, test = (
        DATASETS.build(dict(questions_of(cfg[f'{stage}_dataloader'].dataset),
                            pipeline=[], lazy_init=True)).load_data_list()
        for stage in ('train', 'test'))
    for name, keys in (('type', ('question_type', )),
                       ('question', ('question_text', 'question_type'))):
        found = prior(train, test, keys)
        print(f'the most frequent answer of the {name}: ' + ', '.join(
            f'{key} {value:.2f}' for key, value in found.items()))


if __name__ == '__main__':
    main()
