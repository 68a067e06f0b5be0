# The generated data set. HSC_MM_DEMO_ROOT overrides its place.
data_root = r"""{{$HSC_MM_DEMO_ROOT:data/demo}}"""
vocabulary = ('background', 'beetle', 'bird', 'cat', 'fish', 'goat', 'robot')
grey = [127.5, 127.5, 127.5]

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(type='hsc_mm.LoadAuxMaps'),
    dict(type='hsc_mm.RandomLongSideResize', long_side=(128, 224)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='hsc_mm.CropPad', size=(128, 128), pad_val=grey),
    dict(type='hsc_mm.PackImageLabelInputs')
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
                for ratio in (1.0, 1.5)
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
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='hsc_mm.ReproducibleSampler'),
    dataset=dict(
        type='hsc_mm.VOCImageLabelDataset',
        data_root=data_root,
        vocabulary=vocabulary,
        ann_file='ImageSets/Segmentation/train.txt',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hsc_mm.VOCImageLabelDataset',
        data_root=data_root,
        vocabulary=vocabulary,
        ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='hsc_mm.SeedMetric', supervision='image labels')
test_evaluator = val_evaluator
