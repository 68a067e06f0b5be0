# Six classes of VOC, small pictures, a small backbone: real photographs on a
# CPU. VOC_ANIMALS_ROOT names the data, MOBILENET_V2_WEIGHTS the weights. Their
# inputs have ImageNet's mean and deviation; weights with others need
# model.data_preprocessor.
_base_ = '../cam_mbv2_voc.py'

data_root = r"""{{$VOC_ANIMALS_ROOT:data/voc-animals}}"""
metainfo = dict(
    classes=('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'))
grey = [127.5, 127.5, 127.5]
crop_size = (160, 160)

train_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(type='hsc_mm.LoadAuxMaps'),
    dict(type='hsc_mm.RandomLongSideResize', long_side=(160, 288)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='hsc_mm.CropPad', size=crop_size, pad_val=grey),
    dict(type='hsc_mm.PackImageLabelInputs')
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
                dict(type='Resize', scale_factor=ratio, keep_ratio=True)
                for ratio in (1.0, 1.5)  # half of a small one does harm
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
    num_workers=2,
    dataset=dict(
        data_root=data_root, metainfo=metainfo, pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        data_root=data_root, metainfo=metainfo, pipeline=test_pipeline))
test_dataloader = val_dataloader

model = dict(
    channels_last=True,
    decode_head=dict(num_classes=7))
# As in _base_/schedules/small.py, for all methods alike.
optim_wrapper = dict(
    optimizer=dict(lr=0.001),
    clip_grad=dict(max_norm=10.0),
    paramwise_cfg=dict(
        custom_keys={
            'decode_head': dict(lr_mult=100.0),
            'decode_head.embeddings': dict(lr_mult=10.0)
        }))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=400,
         by_epoch=False)
]
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=200), logger=dict(interval=20))
