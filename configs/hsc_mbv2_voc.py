# HSC on MobileNetV2 at stride 16.
_base_ = 'hsc_r50_voc.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
        out_indices=(1, 2, 4, 6),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2')),
    decode_head=dict(in_channels=320, refiner=dict(in_channels=(32, 96))))
