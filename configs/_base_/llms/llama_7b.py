# LLaMA-1 7B last layer, index 31: a folder with Meta's consolidated.00.pth
# and params.json. Another place or layer, from the command line:
# --cfg-options model.neck.llm.checkpoint=PATH model.neck.llm.layers="[15]"
llm = dict(
    checkpoint='checkpoints/llama-7b',
    layers=(-1, ),
    # The image models of the paper; its video and point models use torch's.
    map_init='trunc_normal')
