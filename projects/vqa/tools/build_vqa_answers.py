"""Choose the answers that a head can give, from VQAv2's annotations.

    python projects/vqa/tools/build_vqa_answers.py data/vqav2

writes data/vqav2/answers.json: every answer that is, normalised, the most
frequent one of at least nine questions of train2014 and val2014, in the order
of first appearance. These are the 3,129 of METER, ViLT and most others, and
the order is that of their heads.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

from lm4ve_vqa.datasets.answers import (
    MIN_COUNT,
    choose_answers,
    count_answers,
    write_answers,
)
from lm4ve_vqa.datasets.vqav2_files import PARTS, read_annotations
from tqdm import tqdm

from lm4ve_mm.apis import explained

ANSWERED = [name for name, part in PARTS.items() if part.annotations]


@explained()
def main() -> None:
    """Build as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path,
                        help='folder of the annotations')
    parser.add_argument('--out', type=Path,
                        help='default: answers.json in the folder')
    parser.add_argument('--parts', nargs='+', choices=ANSWERED,
                        default=ANSWERED, help='default: train val')
    parser.add_argument('--min-count', type=int, default=MIN_COUNT,
                        help=f'default: {MIN_COUNT}')
    args = parser.parse_args()
    if args.min_count < 1:
        parser.error(f'--min-count {args.min_count} has to be at least 1')
    majority = []
    # In METER's order, however they are named here.
    for name in (part for part in ANSWERED if part in args.parts):
        found = read_annotations(args.root, PARTS[name])
        print(f'{PARTS[name].annotations}: {len(found):,} questions')
        majority += [one['multiple_choice_answer'] for one in found]
    counts = count_answers(tqdm(majority, desc='answers', disable=None))
    answers = choose_answers(counts, args.min_count)
    if not answers:
        parser.exit(2, f'{parser.prog}: error: no answer has --min-count '
                    f'{args.min_count} questions\n')
    out = args.out or args.root / 'answers.json'
    write_answers(out, answers)
    covered = sum(counts[answer] for answer in answers) / len(majority)
    print(f'wrote {out}: {len(answers):,} of {len(counts):,} answers, which '
          f'are the most frequent one of {covered:.1%} of the questions')


if __name__ == '__main__':
    main()
