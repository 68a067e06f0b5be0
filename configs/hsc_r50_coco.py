# HSC on MS-COCO 2014: 80 classes, four times the iterations of VOC.
_base_ = ['hsc_r50_voc.py', '_base_/datasets/coco_image-labels.py']
train_dataloader = dict(dataset={{_base_.coco_train}})
val_dataloader = dict(dataset={{_base_.coco_seeds}})
test_dataloader = val_dataloader
model = dict(decode_head=dict(num_classes=81))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=80000,
         by_epoch=False)
]
train_cfg = dict(max_iters=80000, val_interval=80000)
default_hooks = dict(checkpoint=dict(interval=8000))
