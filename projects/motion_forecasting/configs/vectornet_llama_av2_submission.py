"""The file for Argoverse 2's server: VectorNet + LLaMA's layer on its test.

    python tools/test.py \
        projects/motion_forecasting/configs/vectornet_llama_av2_submission.py \
        CHECKPOINT

Another model: change the base.
The test split has no futures: there is no expected number.
"""
_base_ = ['./vectornet_llama_av2.py']
test_dataloader = dict(dataset=dict(split='test'))
test_evaluator = dict(
    _delete_=True,
    type='lm4ve_mm.Argoverse2Submission',
    out_file='work_dirs/argoverse2_submission.parquet')
