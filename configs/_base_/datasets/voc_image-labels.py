# PASCAL VOC 2012, image labels only. VOC2012_ROOT overrides the place.
data_root = r"""{{$VOC2012_ROOT:data/VOCdevkit/VOC2012}}"""
mean_rgb = [123.675, 116.28, 103.53]
std_rgb = [58.395, 57.12, 57.375]

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(type='hsc_mm.LoadAuxMaps'),
    dict(type='hsc_mm.RandomLongSideResize', long_side=(448, 768)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='hsc_mm.CropPad', size=(448, 448), pad_val=mean_rgb[::-1]),
    dict(type='hsc_mm.PackImageLabelInputs')
]
# The mask is loaded after the geometry: it stays as it is in the file.
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
                for ratio in (0.5, 1.0, 1.5, 2.0)
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal')
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='hsc_mm.PackImageLabelInputs')]
        ])
]
tta_model = dict(type='hsc_mm.CAMTTAModel')

train_dataloader = dict(
    batch_size=16,
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
# Seeds are scored on training images with fine masks, whose image labels
# are known: this is what the second stage will learn from.
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hsc_mm.VOCImageLabelDataset',
        data_root=data_root,
        ann_file='ImageSets/Segmentation/train.txt',
        label_file='image_labels.json',
        data_prefix=dict(seg_map_path='SegmentationClass'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='hsc_mm.SeedMetric', supervision='image labels')
test_evaluator = val_evaluator
