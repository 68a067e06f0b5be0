# Recipe of the public release, with its weights, on EfficientNet-Lite0.
_base_ = [
    'hsc_mbv2_voc-animals_release.py', '../../_base_/models/lite0.py'
]
model = dict(
    _base_.lite0_cam,
    decode_head=dict(in_channels=1280, refiner=dict(in_channels=(40, 112))))
