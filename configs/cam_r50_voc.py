# Plain CAM, the baseline of everything else. Pictures, crops, what is frozen,
# weight decay and threshold are those of IRN; it trains for five epochs, this
# for fifteen.
_base_ = [
    '_base_/models/cam_r50.py', '_base_/datasets/voc_image-labels.py',
    '_base_/schedules/sgd_20k.py', '_base_/default_runtime.py'
]
train_pipeline = _base_.train_pipeline
train_pipeline[3].long_side = (320, 640)
train_pipeline[6].size = (512, 512)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    backbone=dict(frozen_stages=2), test_cfg=dict(bg_threshold=0.15))
optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=10000,
         by_epoch=False)
]
train_cfg = dict(max_iters=10000, val_interval=10000)
