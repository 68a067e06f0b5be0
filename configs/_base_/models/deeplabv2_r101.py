# DeepLab v2 on the deep-stem ResNet-101 at stride 8, with a hidden layer of
# 256 channels and the pooled image, as the code of SEAM and HSC has it.
norm_cfg = dict(type='SyncBN', requires_grad=True)
# Not a variable of its own: mmengine's runner would give that one to the model
# of --tta, in place of what a leaf changed here.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(448, 448)),
    backbone=dict(
        type='ResNetV1c',
        depth=101,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        dilations=(1, 1, 2, 4),
        strides=(1, 2, 1, 1),
        norm_cfg=norm_cfg,
        norm_eval=False,
        style='pytorch',
        contract_dilation=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='open-mmlab://resnet101_v1c')),
    decode_head=dict(
        type='hsc_mm.DeepLabV2Head',
        in_channels=2048,
        channels=256,
        dilations=(6, 12, 18, 24),
        image_pool=True,
        dropout_ratio=0.5,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
