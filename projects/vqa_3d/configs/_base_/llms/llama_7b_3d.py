# As for images, but the maps start as torch's linear layers do, as in the
# paper's video and point code; what its 3D code did is not published.
_base_ = '../../../../../configs/_base_/llms/llama_7b.py'
llm = dict(map_init='default')
