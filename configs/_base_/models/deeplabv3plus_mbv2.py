# DeepLab v3+ on MobileNetV2 at stride 16: small pictures, on a CPU.
# MOBILENET_V2_WEIGHTS names the weights.
_base_ = 'deeplabv3plus_r50.py'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size=(192, 192)),
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 1, 1),
        out_indices=(1, 2, 4, 6),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MOBILENET_V2_WEIGHTS:mmcls://mobilenet_v2}}')),
    decode_head=dict(
        in_channels=320,
        channels=128,
        dilations=(1, 3, 6, 9),
        c1_in_channels=24,
        c1_channels=24,
        norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels=96, channels=64, norm_cfg=norm_cfg))
