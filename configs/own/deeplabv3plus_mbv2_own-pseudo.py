# Second stage on pictures of one's own: DeepLab v3+ on MobileNetV2.
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/datasets/own_pseudo-labels.py', '../_base_/schedules/small.py',
    '../_base_/default_runtime.py'
]
model = dict(
    decode_head=dict(num_classes=3),
    auxiliary_head=dict(num_classes=3))
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=10))
