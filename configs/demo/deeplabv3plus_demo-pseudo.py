# Second stage of the demo: a small DeepLab v3+ from random numbers.
_base_ = [
    '../_base_/models/deeplabv3plus_r50.py',
    '../_base_/datasets/voc_pseudo-labels.py', '../_base_/schedules/demo.py',
    '../_base_/default_runtime.py'
]
data_root = '{{$HSC_MM_DEMO_ROOT:data/demo}}'
vocabulary = ('background', 'beetle', 'bird', 'cat', 'fish', 'goat', 'robot')
norm_cfg = dict(type='BN', requires_grad=True)

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='LoadImageFromFile'),
    dict(
        type='hsc_mm.LoadPseudoLabel',
        pseudo_dir='{{$PSEUDO_DIR:work_dirs/demo/pseudo_labels}}'),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='hsc_mm.CropPad',
        size=(128, 128),
        pad_val=(103.53, 116.28, 123.675)),
    dict(type='PackSegInputs')
]
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(
        data_root=data_root,
        vocabulary=vocabulary,
        ann_file='ImageSets/Segmentation/train.txt',
        label_file='',
        pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=2, dataset=dict(data_root=data_root, vocabulary=vocabulary))
test_dataloader = val_dataloader

model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(
        _delete_=True,
        type='ResNetV1c',
        depth=18,
        base_channels=32,
        stem_channels=32,
        num_stages=3,
        out_indices=(0, 1, 2),
        strides=(1, 2, 1),
        dilations=(1, 1, 2),
        zero_init_residual=False,
        norm_cfg=norm_cfg),
    decode_head=dict(
        in_channels=128,
        in_index=2,
        channels=64,
        dilations=(1, 3, 6),
        c1_in_channels=32,
        c1_channels=16,
        num_classes=7,
        norm_cfg=norm_cfg),
    auxiliary_head=None)
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0))))
default_hooks = dict(checkpoint=dict(interval=400))
