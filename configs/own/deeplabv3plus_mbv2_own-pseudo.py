# Second stage on pictures of one's own: DeepLab v3+ on MobileNetV2.
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/datasets/own_pseudo-labels.py', '../_base_/schedules/own.py',
    '../_base_/default_runtime.py'
]
model = dict(
    decode_head=dict(num_classes=3),
    auxiliary_head=dict(num_classes=3))
optim_wrapper = dict(
    optimizer=dict(lr=0.001),
    paramwise_cfg=dict(
        custom_keys=dict(
            decode_head=dict(lr_mult=100.0),
            auxiliary_head=dict(lr_mult=100.0))))
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=10))
