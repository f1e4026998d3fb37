"""Keep one layer of a language model: a 13 GB checkpoint becomes 0.4 GB.

    python tools/model_converters/extract_llm_block.py \
        checkpoints/llama-7b checkpoints/llama-7b-l31.safetensors

Only the bytes of that layer are read, and no others are fetched where the
checkpoint is hf://OWNER/MODEL on the Hugging Face hub. Use the file as
``llm.checkpoint``. Needs torch and safetensors (for hf:// huggingface_hub
too), no toolbox.
"""

from argparse import ArgumentParser
from pathlib import Path

from lm4ve_mm.llm.weights.blocks import DTYPES
from lm4ve_mm.llm.weights.extract import extract_blocks
from lm4ve_mm.utils.explain import explained


@explained()
def main() -> None:
    """Extract as the command line says."""
    parser = ArgumentParser(description='Keep one layer of a language model')
    parser.add_argument(
        'checkpoint',
        help='folder of Hugging Face or Meta, package://NAME, or '
        'hf://OWNER/MODEL[@REVISION] on the hub')
    parser.add_argument('out', type=Path, help='the .safetensors to write')
    parser.add_argument(
        '--layers',
        type=int,
        nargs='+',
        default=[-1],
        help='indices; negative ones count from the last (default: -1)')
    parser.add_argument(
        '--dtype',
        choices=list(DTYPES),
        default='auto',
        help="storage type (default: auto, the checkpoint's)")
    args = parser.parse_args()
    print(f'reading layer {args.layers} of {args.checkpoint} ...', flush=True)
    blocks = extract_blocks(args.checkpoint, args.out, args.layers, args.dtype)
    print(f'wrote {args.out} ({args.out.stat().st_size / 1e6:.1f} MB): '
          f'{blocks.identity()}')


if __name__ == '__main__':
    main()
