# HSC on DINOv2 ViT-S, patches of 14 pixels: sizes are multiples of 14.
_base_ = 'hsc_deit-s_voc.py'
model = dict(
    second_view=(126, 126),
    data_preprocessor=dict(test_cfg=dict(size_divisor=14)),
    backbone=dict(
        arch='dinov2-small',
        img_size=518,
        patch_size=14,
        layer_scale_init_value=1e-5,
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmpretrain/v1.0/dinov2/'
            'vit-small-p14_dinov2-pre_3rdparty_20230426-5641ca5a.pth')))
