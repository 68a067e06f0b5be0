# HSC on ResNet-101 at stride 16.
_base_ = 'hsc_r50_voc.py'
model = dict(
    backbone=dict(
        depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')))
