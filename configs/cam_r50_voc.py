# Plain CAM, the baseline of everything else.
_base_ = [
    '_base_/models/cam_r50.py', '_base_/datasets/voc_image-labels.py',
    '_base_/schedules/sgd_20k.py', '_base_/default_runtime.py'
]
