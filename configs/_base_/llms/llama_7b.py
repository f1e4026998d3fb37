# The last layer (index 31) of LLaMA-1 7B: a folder of Hugging Face or Meta.
# Another place or layer, from the command line:
# --cfg-options model.neck.llm.checkpoint=PATH model.neck.llm.layers="[15]"
llm = dict(
    checkpoint='checkpoints/llama-7b',
    layers=(-1, ),
    # The image models of the paper; its video and point models use torch's.
    map_init='trunc_normal',
    obtain='hf download huggyllama/llama-7b --local-dir {checkpoint}')
