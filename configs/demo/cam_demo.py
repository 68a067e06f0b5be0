# Plain CAM on the generated data set, from random numbers, on a CPU.
_base_ = [
    '../_base_/models/cam_r50.py', '../_base_/datasets/demo_image-labels.py',
    '../_base_/schedules/demo.py', '../_base_/default_runtime.py'
]
model = dict(
    channels_last=True,
    backbone=dict(
        _delete_=True,
        type='ResNetV1c',
        depth=18,
        base_channels=32,
        stem_channels=32,
        num_stages=3,
        out_indices=(0, 1, 2),
        strides=(1, 2, 1),
        dilations=(1, 1, 2),
        zero_init_residual=False,
        norm_cfg=dict(type='BN')),
    decode_head=dict(
        in_channels=128,
        num_classes=7,
        init_cfg=dict(
            type='Normal', std=0.05, override=dict(name='classifier'))))
default_hooks = dict(checkpoint=dict(interval=400))
