# Second stage of the six-class subset: DeepLab v3+ on EfficientNet-Lite0.
_base_ = [
    'deeplabv3plus_mbv2_voc-animals-pseudo.py', '../_base_/models/lite0.py'
]
model = dict(_base_.lite0, auxiliary_head=dict(in_channels=112))
