# Pictures of one's own: a folder with one sub-folder for each class. Masks of
# some of them, named in eval.txt, are for evaluation alone.
label_file = 'data/own/images'
classes = ('background', 'robin', 'wren')
mean_rgb = [123.675, 116.28, 103.53]

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(type='hsc_mm.LoadAuxMaps'),
    dict(type='hsc_mm.RandomLongSideResize', long_side=(160, 288)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='hsc_mm.CropPad', size=(160, 160), pad_val=mean_rgb[::-1]),
    dict(type='hsc_mm.PackImageLabelInputs')
]
load = [
    dict(type='hsc_mm.LoadImage'),
    dict(type='Resize', scale=(256, 256), keep_ratio=True)
]
views = [[
    dict(type='Resize', scale=scale, keep_ratio=True)
    for scale in ((192, 192), (256, 256), (384, 384))
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
tta_model = dict(type='hsc_mm.CAMTTAModel')

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='hsc_mm.ReproducibleSampler'),
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
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='hsc_mm.SeedMetric', supervision='image labels')
test_evaluator = val_evaluator
