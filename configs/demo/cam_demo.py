# Plain CAM on the generated data set, on a CPU.
_base_ = [
    '../_base_/models/cam_r50.py', '../_base_/models/lite0.py',
    '../_base_/datasets/demo_image-labels.py', '../_base_/schedules/small.py',
    '../_base_/default_runtime.py'
]
# HSC of the 1280 channels of lite0_cam has 40 here, that of the 320 has 47.
model = dict(
    _base_.lite0,
    channels_last=True,
    decode_head=dict(in_channels=320, num_classes=7),
    test_cfg=dict(bg_threshold=0.6))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=200,
         by_epoch=False)
]
train_cfg = dict(max_iters=200, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=20))
pseudo_label = dict(refiners=[dict(type='hsc_mm.PAR')])
# At a hundred times the rate of the backbone HSC is worse by some points
# (docs/results-demo.md).
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=30.0)}))
