# Segmentation from pseudo labels. VOC2012_ROOT and PSEUDO_DIR override the
# places of the pictures and of the pseudo labels; TRUSTED_DIR names that of
# masks that a person corrected.
data_root = r"""{{$VOC2012_ROOT:data/VOCdevkit/VOC2012}}"""
pseudo_dir = r"""{{$PSEUDO_DIR:work_dirs/pseudo_labels}}"""
crop_size = (448, 448)

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(
        type='hsc_mm.LoadPseudoLabel',
        pseudo_dir=pseudo_dir,
        trusted_dir=r"""{{$TRUSTED_DIR:none}}"""),
    dict(
        type='RandomResize',
        scale=(2048, 512),
        ratio_range=(0.5, 1.5),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs')
]
test_pipeline = [
    dict(type='hsc_mm.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='hsc_mm.PackImageLabelInputs')
]
tta_pipeline = [
    dict(type='hsc_mm.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=ratio, keep_ratio=True)
                for ratio in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal')
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='hsc_mm.PackImageLabelInputs')]
        ])
]
tta_model = dict(type='hsc_mm.SegTTAModel')

# The labels only tell which images have a pseudo label, where a subset of
# the classes is used.
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='hsc_mm.ReproducibleSampler'),
    dataset=dict(
        type='hsc_mm.VOCImageLabelDataset',
        data_root=data_root,
        ann_file='ImageSets/Segmentation/train_aug.txt',
        label_file='image_labels.json',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hsc_mm.VOCImageLabelDataset',
        data_root=data_root,
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'),
        with_labels=False,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='hsc_mm.MaskMetric',
    iou_metrics=['mIoU'],
    supervision='pseudo labels')
test_evaluator = val_evaluator
