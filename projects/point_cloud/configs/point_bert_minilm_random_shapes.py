"""Control: a random block of MiniLM's geometry, frozen, generated solids.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_minilm_random_shapes.py

Not trained here: there is no expected number.
"""
_base_ = ['./point_bert_minilm_shapes.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
