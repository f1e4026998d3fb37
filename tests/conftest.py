"""Small stand-ins for the files that real runs need."""

import copy
import functools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from lm4ve_mm import plugin  # noqa: F401  (registers everything)


@pytest.fixture(scope='session')
def read_config():
    """Reads a config, each file once; what it gives may be changed."""
    parse = functools.cache(Config.fromfile)
    return lambda path: copy.deepcopy(parse(path))


@pytest.fixture(scope='session')
def tiny_imagenet(tmp_path_factory) -> Path:
    """A folder in ImageNet's layout: 8 training and 4 validation images.

    The labels are in ``meta/{train,val}.txt``, which spares the thousand
    class folders. Images are noise, 40x48 or 48x40 pixels.
    """
    root = tmp_path_factory.mktemp('imagenet')
    rng = np.random.default_rng(0)
    (root / 'meta').mkdir()
    for split, count in (('train', 8), ('val', 4)):
        (root / split).mkdir()
        lines = []
        for i in range(count):
            shape = (40, 48, 3) if i % 2 else (48, 40, 3)
            pixels = rng.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels).save(root / split / f'{i}.JPEG')
            lines.append(f'{i}.JPEG {rng.integers(1000)}')
        (root / 'meta' / f'{split}.txt').write_text('\n'.join(lines))
    return root


@pytest.fixture(scope='session')
def tiny_videos(tmp_path_factory) -> Path:
    """A folder in SSv2's layout: 4 training and 2 validation videos.

    Each has 70 frames of 64x48 pixels, a grey that rises; labels 0 to 5.
    """
    from lm4ve_mm.video.files.annotations import Clip, write_list
    from lm4ve_mm.video.files.encoding import write_mp4
    root = tmp_path_factory.mktemp('ssv2')
    (root / 'videos').mkdir()
    clips = [Clip(f'{i}.mp4', i) for i in range(6)]
    for clip in clips:
        write_mp4(root / 'videos' / clip.name,
                  (np.full((48, 64, 3), 20 + 3 * i + 4 * clip.label, np.uint8)
                   for i in range(70)))
    write_list(root / 'train.csv', clips[:4])
    write_list(root / 'val.csv', clips[4:])
    return root


@pytest.fixture(scope='session')
def tiny_llama(tmp_path_factory) -> Path:
    """A one-layer LLaMA in Meta's format: width 64, 4 heads, fp16."""
    root = tmp_path_factory.mktemp('llama')
    dim, hidden, vocab = 64, 192, 32  # hidden: 2/3 of 4 dim, in 32s
    layer = {
        'attention.wq': (dim, dim),
        'attention.wk': (dim, dim),
        'attention.wv': (dim, dim),
        'attention.wo': (dim, dim),
        'feed_forward.w1': (hidden, dim),
        'feed_forward.w2': (dim, hidden),
        'feed_forward.w3': (hidden, dim),
    }
    generator = torch.Generator().manual_seed(0)

    def weight(*shape):
        return torch.randn(shape, generator=generator).mul(.05).half()

    state = {
        f'layers.0.{name}.weight': weight(*shape)
        for name, shape in layer.items()
    }
    for name in ('layers.0.attention_norm', 'layers.0.ffn_norm', 'norm'):
        state[f'{name}.weight'] = 1 + weight(dim)
    state['tok_embeddings.weight'] = weight(vocab, dim)
    state['output.weight'] = weight(vocab, dim)
    state['rope.freqs'] = weight(dim // 8)
    torch.save(state, root / 'consolidated.00.pth')
    params = dict(
        dim=dim,
        multiple_of=32,
        n_heads=4,
        n_layers=1,
        norm_eps=1e-6,
        vocab_size=vocab)
    (root / 'params.json').write_text(json.dumps(params))
    return root
