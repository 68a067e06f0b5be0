# Second stage of the six-class subset: DeepLab v3+ on MobileNetV2.
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py',
    '../_base_/datasets/voc_pseudo-labels.py',
    '../_base_/schedules/sgd_20k.py', '../_base_/default_runtime.py'
]

data_root = r"""{{$VOC_ANIMALS_ROOT:data/voc-animals}}"""
metainfo = dict(
    classes=('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'))
crop_size = (192, 192)

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(
        type='hsc_mm.LoadPseudoLabel',
        pseudo_dir=r"""{{$PSEUDO_DIR:work_dirs/voc-animals/pseudo_labels}}""",
        trusted_dir=r"""{{$TRUSTED_DIR:none}}"""),
    dict(type='hsc_mm.RandomLongSideResize', long_side=(160, 320)),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.9),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs')
]
test_pipeline = [
    dict(type='hsc_mm.LoadImage'),
    dict(type='Resize', scale=(256, 256), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='hsc_mm.PackImageLabelInputs')
]
tta_pipeline = [
    dict(type='hsc_mm.LoadImage'),
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
    decode_head=dict(num_classes=7),
    auxiliary_head=dict(num_classes=7))
optim_wrapper = dict(
    optimizer=dict(lr=0.001),
    paramwise_cfg=dict(
        custom_keys=dict(
            decode_head=dict(lr_mult=100.0),
            auxiliary_head=dict(lr_mult=100.0))))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=1600,
         by_epoch=False)
]
train_cfg = dict(max_iters=1600, val_interval=1600)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=20))
