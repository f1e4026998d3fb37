"""Strip a checkpoint to what others need, perhaps add the frozen block.

    python tools/model_converters/publish_model.py \
        work_dirs/vit_s_llama_in1k/epoch_300.pth vit_s_llama_in1k.pth

With ``--with-llm`` the block goes in, and the file itself can be named as
``llm.checkpoint``: nobody needs the language model then. Its licence has to
allow that.
"""

from argparse import ArgumentParser
from pathlib import Path

from lm4ve_mm.apis.publish import publish
from lm4ve_mm.utils.explain import explained


@explained()
def main() -> None:
    """Publish as the command line says."""
    parser = ArgumentParser(description='Strip a checkpoint for publishing')
    parser.add_argument('source', type=Path, help='checkpoint of training')
    parser.add_argument('out', type=Path, help='file to write')
    parser.add_argument(
        '--ema', action='store_true', help='publish the averaged weights')
    parser.add_argument(
        '--with-llm', action='store_true', help='add the frozen block')
    parser.add_argument(
        '--llm-checkpoint',
        help='where the language model lies now, if it was moved')
    args = parser.parse_args()
    if not args.source.is_file():
        raise FileNotFoundError(f'no file {args.source}')
    print(f'reading {args.source} ...', flush=True)
    final = publish(args.source, args.out, args.ema, args.with_llm,
                    args.llm_checkpoint)
    print(f'wrote {final} ({final.stat().st_size / 1e6:.1f} MB; before: '
          f'{args.source.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    main()
