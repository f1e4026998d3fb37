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

from lm4ve_point_cloud.upstream import is_upstream, translate, unwrapped

from lm4ve_mm.apis.convert_published import Format, convert_or_exit
from lm4ve_mm.published.block import BLOCK_INDEX

POINT_BERT = Format('Point-BERT', BLOCK_INDEX, is_upstream, unwrapped,
                    translate)

if __name__ == '__main__':
    convert_or_exit(POINT_BERT, __doc__)
