# Second stage on MS-COCO 2014: 80 classes, 100,000 iterations of 10 pictures.
_base_ = [
    'deeplabv2_r101_voc-pseudo.py', '_base_/datasets/coco_pseudo-labels.py'
]
train_dataloader = dict(dataset={{_base_.coco_train}})
val_dataloader = dict(dataset={{_base_.coco_val}})
test_dataloader = val_dataloader
model = dict(decode_head=dict(num_classes=81))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=100000,
         by_epoch=False)
]
train_cfg = dict(max_iters=100000, val_interval=100000)
default_hooks = dict(checkpoint=dict(interval=10000))
