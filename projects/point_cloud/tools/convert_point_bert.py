"""Take apart a checkpoint that Point-BERT or the paper has published.

Keep LLaMA's block, for llm.checkpoint, where LLaMA itself is not at hand:

    python projects/point_cloud/tools/convert_point_bert.py FILE \
        --block checkpoints/llama-7b-l31.safetensors

Write the rest under our names, checked against a config:

    python projects/point_cloud/tools/convert_point_bert.py FILE \
        --config CONFIG --out OUT.pth

Published files can also be used as they are, for model.pretrained and by
tools/test.py; nothing has to be converted first.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch
from lm4ve_point_cloud.apis import build_model
from lm4ve_point_cloud.upstream import is_upstream, translate, unwrapped

from lm4ve_mm import apis
from lm4ve_mm.llm.atomic import replacing
from lm4ve_mm.llm.block_file import write_block_file
from lm4ve_mm.llm.checkpoint import DTYPES, store_as
from lm4ve_mm.llm.extract import pack
from lm4ve_mm.llm.released import LAYER, NUM_HEADS, released_block
from lm4ve_mm.llm.sources import open_torch
from lm4ve_mm.models import find_llm_layers


def keep_block(state: dict, args: Namespace) -> None:
    """Write the block of a file."""
    if args.block.suffix != '.safetensors':
        raise ValueError(f'--block {args.block} should end in .safetensors')
    block = store_as(
        released_block(unwrapped(state), args.num_heads, args.layer),
        args.dtype)
    metadata, tensors = pack(block)
    write_block_file(args.block, metadata, tensors)
    print(f'wrote {args.block}: {block.identity()}')


def convert(state: dict, args: Namespace) -> None:
    """Write the weights under our names."""
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    model = build_model(cfg)
    found = translate(state, model)
    meta = dict(converted_from=args.file.name, missing=found.missing,
                unused=found.unexpected)
    layers = find_llm_layers(model)
    if layers:
        meta['frozen_llm'] = {
            name: layer.describe() for name, layer in layers.items()}
    with replacing(args.out) as temporary:
        torch.save(dict(meta=meta, state_dict=found.weights), temporary)
    print(f'wrote {args.out}: {found.kind}, {len(found.weights)} tensors\n'
          f'missing: {", ".join(found.missing) or "nothing"}\n'
          f'unused: {", ".join(found.unexpected) or "nothing"}')


def main() -> None:
    """Convert as the command line says."""
    parser = ArgumentParser(description='Take a published checkpoint apart')
    parser.add_argument('file', type=Path)
    parser.add_argument(
        '--block', type=Path, help='the .safetensors to write')
    parser.add_argument(
        '--num-heads', type=int, default=NUM_HEADS,
        help=f'heads of the block (default: {NUM_HEADS}, LLaMA-7B)')
    parser.add_argument(
        '--layer', type=int, default=LAYER,
        help=f'its index in the language model (default: {LAYER})')
    parser.add_argument(
        '--dtype', choices=list(DTYPES), default='auto',
        help='storage type of the block; published is float32, which was '
        'float16')
    parser.add_argument('--config', help='a config that the file fits')
    parser.add_argument('--out', type=Path, help='the .pth to write')
    apis.add_config_options(parser)
    args = parser.parse_args()
    if bool(args.config) != bool(args.out) or not (args.block or args.out):
        parser.error('give --block, or --config and --out, or all of them')
    try:
        if not args.file.is_file():
            raise FileNotFoundError(f'there is no file {args.file}')
        state = open_torch(args.file)
        if not is_upstream(state):
            raise ValueError(
                f'{args.file} is no file of Point-BERT or of the paper; it '
                f'holds {", ".join(map(str, list(state)[:5]))}')
        if args.block:
            keep_block(state, args)
        if args.out:
            convert(state, args)
    except (OSError, ValueError, RuntimeError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')


if __name__ == '__main__':
    main()
