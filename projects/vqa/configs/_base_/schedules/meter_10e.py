# 10 epochs, warm-up over a tenth of them and linear decay to zero, AdamW, as
# METER. The rates are those of AbSViT's copy of METER, whose set-up the paper
# says it follows; METER's own are 5e-6 with fusion x 5. The head's rate is
# that of questions; for retrieval it is x 5. No clipping. METER trains in
# fp32, here in bf16, whose range the wide states of LLaMA need.
optim_wrapper = dict(
    type='lm4ve_mm.AutocastOptimWrapper',
    dtype='bfloat16',
    constructor='lm4ve_mm.METEROptimWrapperConstructor',
    optimizer=dict(
        type='AdamW',
        lr=1e-5,
        betas=(0.9, 0.98),
        eps=1e-8,
        weight_decay=0.01),
    # The paper's C.5: the maps learn at ten times the image encoder's rate.
    paramwise_cfg=dict(
        head_lr_mult=50., cross_modal_lr_mult=10., inserted_lr_mult=10.))
param_scheduler = dict(
    type='lm4ve_mm.WarmupLinearLR',
    warmup_ratio=0.1,
    end=10,
    by_epoch=True,
    convert_to_iter_based=True)
train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=1)
