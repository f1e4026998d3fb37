"""The study under corruptions, severity 3 (extra [robust]).

    python tools/test.py CONFIG CHECKPOINT
"""
_base_ = ['../vit_tiny_minilm_photo_digits.py']
pack = dict(type='mmpretrain.PackInputs', meta_keys=('sample_idx', 'group'))
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmengine.ConcatDataset',
        datasets=[
            dict(
                type='lm4ve_mm.PhotoDigits',
                split='test',
                group=name,
                pipeline=[
                    dict(type='lm4ve_mm.Corrupt', name=name, severity=3), pack
                ])
            for name in ('gaussian_noise', 'defocus_blur', 'fog', 'contrast',
                         'pixelate', 'jpeg_compression')
        ]))
test_evaluator = dict(_delete_=True, type='lm4ve_mm.RobustnessMetric')
