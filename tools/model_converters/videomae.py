"""Take apart a checkpoint that VideoMAE or the paper has published.

Keep LLaMA's block, for llm.checkpoint, where LLaMA itself is not at hand:

    python tools/model_converters/videomae.py FILE \
        --block checkpoints/llama-7b-l15.safetensors

Write the rest under our names, checked against a config: every tensor is
used, or on the list of those that a classifier has no use for (the decoder
of a pretraining file).

    python tools/model_converters/videomae.py FILE \
        --config configs/videomae_s_llama_ssv2.py --out OUT.pth \
        --cfg-options \
        model.neck.llm.checkpoint=checkpoints/llama-7b-l15.safetensors

The result of a fine-tuned file goes to tools/test.py. A pretraining file can
be named in the config as it is (model.backbone.init_cfg.checkpoint).
"""

from lm4ve_mm.apis.convert_published import Format, convert_or_exit
from lm4ve_mm.published.translate import unwrapped
from lm4ve_mm.published.videomae import LLAMA_LAYER, is_videomae, translate

VIDEOMAE = Format('VideoMAE', LLAMA_LAYER, is_videomae, unwrapped, translate)

if __name__ == '__main__':
    convert_or_exit(VIDEOMAE, __doc__)
