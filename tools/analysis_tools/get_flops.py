"""Parameters and multiply-accumulates: host, maps and frozen block apart.

    python tools/analysis_tools/get_flops.py configs/vit_tiny_minilm_digits.py

Of an image, of one clip of a video, or of one cloud of points.
"""

from argparse import ArgumentParser

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from lm4ve_mm import apis
from lm4ve_mm.analysis import count_cost
from lm4ve_mm.registry import MODELS


def input_shape(cfg: Config, given: list[int] | None) -> list[int]:
    """The shape to count for: (3, [T,] H, W), or (P, 3) of a cloud."""
    points = (cfg.get('data_preprocessor') or {}).get('num_points')
    if points is not None:
        return [(given or [points])[0], 3]
    backbone = cfg.model.backbone
    size = backbone.get('img_size', 224)
    shape = given or ([size] * 2 if isinstance(size, int) else list(size))
    if 'num_frames' in backbone and len(shape) == 2:
        shape = [backbone['num_frames'], *shape]
    return shape if shape[0] == 3 and len(shape) > 2 else [3, *shape]


def classify(model: nn.Module, inputs: Tensor) -> Tensor:
    """Run backbone, neck and head on a batch of one."""
    if hasattr(model, 'cls_head'):  # MMAction2's: one view of one video
        feats, _ = model.extract_feat(inputs[:, None], test_mode=True)
        return model.cls_head(feats)
    return model.head(model.extract_feat(inputs))


@apis.explained()
def main() -> None:
    """Count as the command line says."""
    parser = ArgumentParser(description='Count parameters and MACs by part')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape',
        type=int,
        nargs='+',
        help='size of the input without batch, such as 224 224, 3 224 224, '
        '16 224 224 or, of points, 1024 (default: what the config says, else '
        '224 224)')
    apis.add_config_options(parser)
    args = parser.parse_args()
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    apis.settle_images(cfg)
    shape = input_shape(cfg, args.shape)
    init_default_scope(cfg.get('default_scope', 'lm4ve_mm'))
    model = MODELS.build(cfg.model).eval()
    inputs = torch.zeros(1, *shape)
    costs = count_cost(model, lambda: classify(model, inputs))

    print(f'\n{args.config}, one input of {tuple(shape)}')
    print(f'{"":14}{"parameters":>14}{"trainable":>14}{"MACs":>18}')
    rows = [*costs.items()]
    total = [sum(values) for values in zip(*(
        (c.parameters, c.trainable, c.macs) for c in costs.values()))]
    for part, cost in rows:
        print(f'{part:14}{cost.parameters:>14,}{cost.trainable:>14,}'
              f'{cost.macs:>18,}')
    print(f'{"total":14}{total[0]:>14,}{total[1]:>14,}{total[2]:>18,}')


if __name__ == '__main__':
    main()
