# Plain CAM on MobileNetV2 at stride 16.
_base_ = [
    '_base_/models/cam_r50.py', '_base_/models/mbv2.py',
    '_base_/datasets/voc_image-labels.py', '_base_/schedules/sgd_20k.py',
    '_base_/default_runtime.py'
]
model = dict(_base_.mbv2, decode_head=dict(in_channels=320))
