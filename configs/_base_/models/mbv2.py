# MobileNetV2 at stride 16: 24, 32, 96 and 320 channels at 1/4, 1/8, 1/16 and
# 1/16. MOBILENET_V2_WEIGHTS names a file of weights, if there is one. The 320
# channels end a linear bottleneck, whose scale is that of the file: 0.24 in
# weights of floats, 1.9 in some that were converted from 8 bits, on which the
# head's learning rate was chosen. It goes under any head:
# model = dict(_base_.mbv2, decode_head=dict(in_channels=320, ...)). What the
# scale does: docs/results-photographs.md.
mbv2 = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
        out_indices=(1, 2, 4, 6),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint=r"""{{$MOBILENET_V2_WEIGHTS:mmcls://mobilenet_v2}}""")),
    neck=dict(type='hsc_mm.ScaledFeatures', rms=1.9))
