"""Take apart an image checkpoint of timm, of DeiT or of the paper.

Keep LLaMA's block, for llm.checkpoint, where LLaMA itself is not at hand:

    python tools/model_converters/deit.py FILE \
        --block checkpoints/llama-7b-l31.safetensors

Write the rest under our names, checked against a config: every tensor is
used, or the file is refused.

    python tools/model_converters/deit.py FILE \
        --config configs/vit_s_llama_in1k.py --out OUT.pth \
        --cfg-options \
        model.neck.llm.checkpoint=checkpoints/llama-7b-l31.safetensors

The files can also be used as they are, by tools/test.py, as load_from, as
init_cfg.checkpoint and in mmpretrain.get_model(pretrained=FILE); nothing has
to be converted first.
"""

from lm4ve_mm.apis.convert_published import Format, convert_or_exit
from lm4ve_mm.published.block import BLOCK_INDEX
from lm4ve_mm.published.deit import is_deit, translate
from lm4ve_mm.published.translate import unwrapped

DEIT = Format('timm, DeiT', BLOCK_INDEX, is_deit, unwrapped, translate)

if __name__ == '__main__':
    convert_or_exit(DEIT, __doc__)
