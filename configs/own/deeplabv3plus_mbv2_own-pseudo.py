# Second stage on pictures of one's own: DeepLab v3+ on MobileNetV2.
_base_ = [
    '../_base_/models/deeplabv3plus_r50.py',
    '../_base_/datasets/own_pseudo-labels.py', '../_base_/schedules/own.py',
    '../_base_/default_runtime.py'
]
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size=(192, 192)),
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
        out_indices=(1, 2, 4, 6),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MOBILENET_V2_WEIGHTS:mmcls://mobilenet_v2}}')),
    decode_head=dict(
        in_channels=320,
        channels=128,
        dilations=(1, 3, 6, 9),
        c1_in_channels=24,
        c1_channels=24,
        num_classes=3,
        norm_cfg=norm_cfg),
    auxiliary_head=dict(
        in_channels=96, channels=64, num_classes=3, norm_cfg=norm_cfg))
optim_wrapper = dict(
    optimizer=dict(lr=0.001),
    paramwise_cfg=dict(
        custom_keys=dict(
            decode_head=dict(lr_mult=100.0),
            auxiliary_head=dict(lr_mult=100.0))))
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=10))
