# The schedule of the paper's ablations (arXiv 2310.12973, C.7): 100 epochs,
# 20 of them warm-up, everything else as in 300.
_base_ = './deit_300e.py'
param_scheduler = dict(max_epochs=100)
train_cfg = dict(max_epochs=100)
