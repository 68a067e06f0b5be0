# Plain CAM on MobileNetV2 at stride 16.
_base_ = [
    '_base_/models/cam_r50.py', '_base_/datasets/voc_image-labels.py',
    '_base_/schedules/sgd_20k.py', '_base_/default_runtime.py'
]
model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
        out_indices=(1, 2, 4, 6),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2')),
    decode_head=dict(in_channels=320))
