# HSC on MiT-B1, SegFormer's encoder, with its last stage at stride 16 too.
_base_ = '_base_/schedules/adamw_20k.py'
model = dict(
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
    backbone=dict(
        _delete_=True, type='MixVisionTransformer', drop_path_rate=0.1,
        num_layers=[2, 2, 2, 2], num_heads=[1, 2, 5, 8],
        strides=[4, 2, 2, 1],
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/'
            'pretrain/segformer/mit_b1_20220624-02e5a6a1.pth')),
    decode_head=dict(in_channels=512, refiner=dict(in_channels=(128, 320))))
