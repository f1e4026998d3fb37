"""Control: a random block of MiniLM's geometry, frozen, generated solids.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_minilm_random_shapes.py

Hardware and time: 1 CPU core, 230 s of CPU time (*measured here*).
Accuracy on the 450 held-out clouds: 93.78 (*measured here*, seed 0).
"""
_base_ = ['./point_bert_minilm_shapes.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
