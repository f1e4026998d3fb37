"""Multimodal checkpoints, which carry a language model among other parts."""

from dataclasses import replace

from .base import Config, Family, sizes

# Language model -> the ``model_type`` of files that carry it, where their
# inner configuration does not say which it is, or where there is none.
_CARRIED: dict[str, tuple[str, ...]] = {
    'llama': ('llava', 'llava_llama', 'llava_next', 'llava_next_video',
              'video_llava', 'vipllava', 'idefics3', 'smolvlm', 'janus',
              'deepseek_vl', 'deepseek_vl_hybrid', 'perception_lm', 'voxtral',
              'glmasr'),
    'mistral': ('llava_mistral', 'idefics2', 'mistral3'),
    'qwen2': ('llava_onevision', 'llava_qwen', 'internvl', 'got_ocr2',
              'ovis2', 'fast_vlm', 'qwen2_audio', 'video_llama_3',
              'audioflamingo3', 'musicflamingo', 'vibevoice'),
    'qwen2_vl_text': ('qwen2_vl', 'qwen2_5_vl'),
    'qwen3': ('lighton_ocr', 'qianfan_ocr', 'qwen3_asr'),
    'qwen3_vl_text': ('qwen3_vl', ),
    'gemma': ('paligemma', ),
    'gemma3_text': ('gemma3', 'shieldgemma2'),
    'opt': ('blip-2', 'instructblip', 'instructblipvideo'),
}
# Multimodal checkpoints: model_type -> model_type of their language model.
CARRIERS: dict[str, str] = {
    outer: inner
    for inner, outers in _CARRIED.items() for outer in outers
}
# Defaults of the inner configuration of some of them, where they differ from
# those of the language model itself.
OWN_DEFAULTS: dict[str, Config] = {
    'voxtral': dict(
        sizes(3072, 8192, 30, 32), num_key_value_heads=8, head_dim=128,
        rms_norm_eps=1e-5, rope_theta=1e8, max_position_embeddings=131072),
    'glmasr': dict(
        sizes(2048, 6144, 28, 16), num_key_value_heads=4, rms_norm_eps=1e-5,
        max_position_embeddings=8192),
}
# Keys under which they keep the configuration of the language model.
INNER_KEYS = ('text_config', 'llm_config', 'language_config',
              'thinker_config')
# Prefixes that the names of the language model may have in them.
_OUTER_PREFIXES = ('', 'model.', 'language_model.', 'model.language_model.',
                   'model.text_model.', 'text_model.', 'llm.', 'model.llm.',
                   'thinker.', 'vlm.', 'vlm.language_model.')


def inner_config(config: Config) -> Config | None:
    """The configuration of the language model inside another, if any."""
    for key in INNER_KEYS:
        inner = config.get(key)
        if isinstance(inner, dict):
            return inner_config(inner) or inner
    return None


def carried(family: Family) -> Family:
    """The family with the names it has inside a multimodal checkpoint."""

    def inside(names: tuple[str, ...]) -> tuple[str, ...]:
        found = [outer + name for name in names for outer in _OUTER_PREFIXES]
        return tuple(dict.fromkeys(found))

    return replace(
        family,
        prefixes=inside(family.prefixes),
        final_norm=inside(family.final_norm))
