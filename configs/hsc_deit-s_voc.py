# HSC on DeiT-S, patches of 16 pixels.
_base_ = '_base_/schedules/adamw_20k.py'
model = dict(
    data_preprocessor=dict(test_cfg=dict(size_divisor=16)),
    backbone=dict(
        _delete_=True, type='mmpretrain.VisionTransformer', arch='deit-small',
        out_type='featmap', out_indices=(5, 8, 11), drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained', prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'deit/deit-small_pt-4xb256_in1k_20220218-9425b9bb.pth')),
    decode_head=dict(
        in_channels=384, align_corners=False,
        refiner=dict(in_channels=(384, 384), in_index=(0, 1))))
