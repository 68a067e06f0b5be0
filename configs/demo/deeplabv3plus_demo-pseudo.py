# Second stage of the demo: DeepLab v3+ on EfficientNet-Lite0.
_base_ = [
    '../_base_/models/deeplabv3plus_mbv2.py', '../_base_/models/lite0.py',
    '../_base_/datasets/voc_pseudo-labels.py', '../_base_/schedules/small.py',
    '../_base_/default_runtime.py'
]
data_root = r"""{{$HSC_MM_DEMO_ROOT:data/demo}}"""
vocabulary = ('background', 'beetle', 'bird', 'cat', 'fish', 'goat', 'robot')

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(
        type='hsc_mm.LoadPseudoLabel',
        pseudo_dir=r"""{{$PSEUDO_DIR:work_dirs/demo/pseudo_labels}}""",
        trusted_dir=r"""{{$TRUSTED_DIR:none}}"""),
    dict(type='hsc_mm.RandomLongSideResize', long_side=(128, 256)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='hsc_mm.CropPad', size=(128, 128), pad_val=[127.5] * 3),
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
    _base_.lite0,
    decode_head=dict(num_classes=7),
    auxiliary_head=dict(in_channels=112, num_classes=7))
model['data_preprocessor'] = dict(
    _base_.lite0.data_preprocessor, size=(128, 128))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=400,
         by_epoch=False)
]
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=200), logger=dict(interval=20))
