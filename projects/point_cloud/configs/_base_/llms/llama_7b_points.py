# As for images, but the paper's point code starts the maps as torch does.
_base_ = '../../../../../configs/_base_/llms/llama_7b.py'
llm = dict(map_init='default')
