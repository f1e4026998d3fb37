"""Takes published checkpoints apart: what the converters share."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from lm4ve_mm.llm.weights.block_file import write_block_file
from lm4ve_mm.llm.weights.blocks import DTYPES, store_as
from lm4ve_mm.llm.weights.extract import pack
from lm4ve_mm.llm.weights.tensor_files import open_torch
from lm4ve_mm.models import META_KEY, find_llm_layers
from lm4ve_mm.published.block import NUM_HEADS, published_block
from lm4ve_mm.published.translate import Translated
from lm4ve_mm.utils.explain import explained
from lm4ve_mm.utils.files import replacing

from .arguments import add_config_options
from .inference import build_model
from .launch import load_config


class Format(NamedTuple):
    """How the files of one publisher are read.

    Attributes:
        name: Whose files they are, for messages.
        layer: Index in LLaMA of the block in them.
        knows: Whether these are weights of this publisher.
        unwrapped: The tensors, without container and wrapper's prefix.
        translate: Gives them the names of a model, strictly.
    """

    name: str
    layer: int
    knows: Callable[[Mapping], bool]
    unwrapped: Callable[[Mapping], Mapping]
    translate: Callable[[Mapping, nn.Module], Translated]


def converting_parser(form: Format, description: str) -> ArgumentParser:
    """Make the parser of a converter."""
    parser = ArgumentParser(
        description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('file', type=Path)
    parser.add_argument(
        '--block', type=Path, help='the .safetensors to write')
    parser.add_argument(
        '--num-heads', type=int, default=NUM_HEADS,
        help=f'heads of the block (default: {NUM_HEADS}, LLaMA-7B)')
    parser.add_argument(
        '--layer', type=int, default=form.layer,
        help=f'its index in the language model (default: {form.layer})')
    parser.add_argument(
        '--dtype', choices=list(DTYPES), default='auto',
        help='storage type of the block; published is float32, which was '
        'float16')
    parser.add_argument('--config', help='a config that the file fits')
    parser.add_argument('--out', type=Path, help='the .pth to write')
    add_config_options(parser)
    return parser


@explained()
def convert_or_exit(form: Format, description: str) -> None:
    """Run a converter; a mistake of the user ends it with exit status 2.

    Args:
        form: Whose files it converts.
        description: What its help says.
    """
    parser = converting_parser(form, description)
    args = parser.parse_args()
    if bool(args.config) != bool(args.out) or not (args.block or args.out):
        parser.error('give --block, or --config and --out, or all of them')
    if not args.file.is_file():
        raise FileNotFoundError(f'there is no file {args.file}')
    state = open_torch(args.file)
    if not form.knows(state):
        raise ValueError(
            f'{args.file} is no file of {form.name} or of the paper; it '
            f'holds {", ".join(map(str, list(state)[:5]))}')
    if args.block:
        _keep_block(form, state, args)
    if args.out:
        _convert(form, state, args)


def _keep_block(form: Format, state: Mapping, args: Namespace) -> None:
    """Write the block of a file."""
    if args.block.suffix != '.safetensors':
        raise ValueError(f'--block {args.block} should end in .safetensors')
    block = store_as(
        published_block(form.unwrapped(state), args.num_heads, args.layer),
        args.dtype)
    metadata, tensors = pack(block)
    write_block_file(args.block, metadata, tensors)
    print(f'wrote {args.block}: {block.identity()}')  # noqa: T201


def _convert(form: Format, state: Mapping, args: Namespace) -> None:
    """Write the weights under our names."""
    cfg = load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    model = build_model(cfg)
    found = form.translate(state, model)
    meta = dict(converted_from=args.file.name, missing=found.missing,
                unused=found.unexpected)
    layers = find_llm_layers(model)
    if layers:
        meta[META_KEY] = {
            name: layer.describe() for name, layer in layers.items()}
    with replacing(args.out) as temporary:
        torch.save(dict(meta=meta, state_dict=found.weights), temporary)
    print(  # noqa: T201
        f'wrote {args.out}: {found.kind}, {len(found.weights)} tensors\n'
        f'missing: {", ".join(found.missing) or "nothing"}\n'
        f'unused: {", ".join(found.unexpected) or "nothing"}')
