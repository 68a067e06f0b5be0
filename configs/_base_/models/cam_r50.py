# ResNet-50 at stride 16, as plain CAM is used for VOC.
# Not a variable of its own: mmengine's runner would give that one to the model
# of --tta, in place of what a leaf changed here.
model = dict(
    type='hsc_mm.CAMSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1),
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1),
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    decode_head=dict(
        type='hsc_mm.CAMHead',
        in_channels=2048,
        num_classes=21,
        losses=dict(cls=dict(type='hsc_mm.ClassificationLoss'))),
    test_cfg=dict(bg_threshold=0.3, use_image_labels=True, score_thr=0.5))
