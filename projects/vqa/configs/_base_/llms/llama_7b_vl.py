# As for images. How the maps start is not stated for these tasks; N(0, 0.02)
# is METER's for all new parts, too.
_base_ = '../../../../../configs/_base_/llms/llama_7b.py'
llm = dict(map_init='trunc_normal')
