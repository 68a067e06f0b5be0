# DeepLab v3+ on MobileNetV2 at stride 16: small pictures, on a CPU.
# MOBILENET_V2_WEIGHTS names the weights.
_base_ = ['deeplabv3plus_r50.py', 'mbv2.py']
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size=(192, 192)),
    backbone=_base_.mbv2.backbone,
    decode_head=dict(
        in_channels=320,
        channels=128,
        dilations=(1, 3, 6, 9),
        c1_in_channels=24,
        c1_channels=24,
        norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels=96, channels=64, norm_cfg=norm_cfg))
