# Second stage of the six-class subset: DeepLab v3+ on MobileNetV2.
_base_ = '../deeplabv3plus_r50_voc-pseudo.py'

data_root = '{{$VOC_ANIMALS_ROOT:data/voc-animals}}'
metainfo = dict(
    classes=('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'))
grey = [127.5, 127.5, 127.5]
crop_size = (192, 192)
norm_cfg = dict(type='BN', requires_grad=True)

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='LoadImageFromFile'),
    dict(
        type='hsc_mm.LoadPseudoLabel',
        pseudo_dir='{{$PSEUDO_DIR:work_dirs/voc-animals/pseudo_labels}}'),
    dict(type='hsc_mm.RandomLongSideResize', long_side=(160, 320)),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.9),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(256, 256), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='hsc_mm.PackImageLabelInputs')
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(side, side), keep_ratio=True)
                for side in (192, 256, 320)
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal')
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='hsc_mm.PackImageLabelInputs')]
        ])
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    dataset=dict(
        data_root=data_root, metainfo=metainfo, pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        data_root=data_root, metainfo=metainfo, pipeline=test_pipeline))
test_dataloader = val_dataloader

model = dict(
    data_preprocessor=dict(mean=grey, std=grey, size=crop_size),
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        widen_factor=1.0,
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
        out_indices=(1, 2, 4, 6),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MOBILENET_V2_WEIGHTS:mmcls://mobilenet_v2}}')),
    decode_head=dict(
        in_channels=320,
        channels=128,
        dilations=(1, 3, 6, 9),
        c1_in_channels=24,
        c1_channels=24,
        num_classes=7,
        norm_cfg=norm_cfg),
    auxiliary_head=dict(
        in_channels=96, channels=64, num_classes=7, norm_cfg=norm_cfg))
optim_wrapper = dict(
    optimizer=dict(lr=0.001),
    paramwise_cfg=dict(
        custom_keys=dict(
            decode_head=dict(lr_mult=100.0),
            auxiliary_head=dict(lr_mult=100.0))))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=800,
         by_epoch=False)
]
train_cfg = dict(max_iters=800, val_interval=800)
default_hooks = dict(checkpoint=dict(interval=200), logger=dict(interval=20))
