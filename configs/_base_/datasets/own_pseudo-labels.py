# Segmentation of one's own pictures, from pseudo labels. The pipeline sets
# their folder; PSEUDO_DIR does for tools/train.py.
label_file = 'data/own/images'
classes = ('background', 'robin', 'wren')

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(
        type='hsc_mm.LoadPseudoLabel',
        pseudo_dir=r"""{{$PSEUDO_DIR:work_dirs/own/pseudo_labels}}""",
        trusted_dir=r"""{{$TRUSTED_DIR:none}}"""),
    dict(type='hsc_mm.RandomLongSideResize', long_side=(192, 320)),
    dict(type='RandomCrop', crop_size=(192, 192), cat_max_ratio=0.9),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs')
]
load = [
    dict(type='hsc_mm.LoadImage'),
    dict(type='Resize', scale=(256, 256), keep_ratio=True)
]
views = [[
    dict(type='Resize', scale=scale, keep_ratio=True)
    for scale in ((192, 192), (256, 256), (320, 320))
],
         [
             dict(type='RandomFlip', prob=0.0, direction='horizontal'),
             dict(type='RandomFlip', prob=1.0, direction='horizontal')
         ]]
mask = dict(type='LoadAnnotations')
pack = dict(type='hsc_mm.PackImageLabelInputs')
test_pipeline = [*load, mask, pack]
tta_pipeline = [
    load[0],
    dict(type='TestTimeAug', transforms=[*views, [mask], [pack]])
]
# The same without masks.
plain_pipeline = [*load, pack]
plain_tta_pipeline = [
    load[0], dict(type='TestTimeAug', transforms=[*views, [pack]])
]
tta_model = dict(type='hsc_mm.SegTTAModel')

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    # With two thirds of pictures that show nothing a segmentor of magnetic
    # tiles marked nothing: at most a third of the draws are such pictures.
    sampler=dict(
        type='hsc_mm.ClassBalancedSampler', threshold=0, negatives=1 / 3),
    dataset=dict(
        type='hsc_mm.ImageLabelDataset',
        label_file=label_file,
        metainfo=dict(classes=classes),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hsc_mm.ImageLabelDataset',
        label_file=label_file,
        ann_file='data/own/eval.txt',
        data_prefix=dict(seg_map_path='data/own/masks'),
        metainfo=dict(classes=classes),
        with_labels=False,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='hsc_mm.MaskMetric',
    iou_metrics=['mIoU'],
    supervision='pseudo labels')
test_evaluator = val_evaluator
