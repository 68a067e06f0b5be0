# Plain CAM on the generated data set that goes on: what the other methods of
# the demo are compared with. All go on from the CAM stage of `make demo`, as
# they go on from ImageNet elsewhere: features learned from random numbers
# alone point one way, and none of them can do much with these.
_base_ = 'cam_demo.py'
load_from = '{{$HSC_MM_DEMO_START:work_dirs/demo/cam/iter_800.pth}}'
optim_wrapper = dict(optimizer=dict(lr=0.0002))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=400,
         by_epoch=False),
    dict(type='LinearLR', start_factor=0.02, begin=0, end=50, by_epoch=False)
]
train_cfg = dict(max_iters=400, val_interval=400)
