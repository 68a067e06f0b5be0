# Second stage as in HSC: DeepLab v2 on ResNet-101.
_base_ = [
    '_base_/models/deeplabv2_r101.py',
    '_base_/datasets/voc_pseudo-labels.py', '_base_/schedules/sgd_20k.py',
    '_base_/default_runtime.py'
]
# The longer side of nearly all pictures of VOC is 500: scales 0.5 to 1.5.
train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(
        type='hsc_mm.LoadPseudoLabel',
        pseudo_dir=r"""{{$PSEUDO_DIR:work_dirs/pseudo_labels}}""",
        trusted_dir=r"""{{$TRUSTED_DIR:none}}"""),
    dict(
        type='RandomResize',
        scale=(500, 500),
        ratio_range=(0.5, 1.5),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='hsc_mm.RandomHSV', delta=(10, 10, 10)),
    dict(type='PackSegInputs')
]
train_dataloader = dict(
    batch_size=10, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.001))
