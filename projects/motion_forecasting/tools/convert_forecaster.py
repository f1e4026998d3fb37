"""Write a checkpoint of a reference repository under our names.

    python projects/motion_forecasting/tools/convert_forecaster.py FILE \
        --config projects/motion_forecasting/configs/vectornet_av1.py \
        --out OUT.pth

FILE is vectornet.ckpt of ziqipang/StreamingForecasting or demo.pt of
decisionforce/mmTransformer; what is missing and unused is printed. They can
also be used as they are: nothing has to be converted first.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import torch
from lm4ve_motion.upstream import is_upstream, translate

from lm4ve_mm import apis
from lm4ve_mm.llm.weights.tensor_files import open_torch
from lm4ve_mm.utils.files import replacing


def main() -> None:
    """Convert as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('file', type=Path)
    parser.add_argument('--config', required=True)
    parser.add_argument('--out', type=Path, required=True)
    apis.add_config_options(parser)
    args = parser.parse_args()
    try:
        if not args.file.is_file():
            raise FileNotFoundError(f'there is no file {args.file}')
        state = open_torch(args.file)
        if not is_upstream(state):
            raise ValueError(f'{args.file} is of neither repository; it holds '
                             f'{", ".join(map(str, list(state)[:5]))}')
        cfg = apis.load_config(args.config)
        cfg.merge_from_dict(args.cfg_options)
        found = translate(state, apis.build_model(cfg))
        meta = dict(converted_from=args.file.name, missing=found.missing,
                    unused=found.unexpected)
        with replacing(args.out) as temporary:
            torch.save(dict(meta=meta, state_dict=found.weights), temporary)
    except (OSError, ValueError, RuntimeError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')
    print(f'wrote {args.out}: {found.kind}, {len(found.weights)} tensors\n'
          f'missing: {", ".join(found.missing) or "nothing"}\n'
          f'unused: {", ".join(found.unexpected) or "nothing"}')


if __name__ == '__main__':
    main()
