# HSC on MobileNetV2 at stride 16.
_base_ = ['hsc_r50_voc.py', '_base_/models/mbv2.py']
model = dict(
    _base_.mbv2,
    decode_head=dict(in_channels=320, refiner=dict(in_channels=(32, 96))))
