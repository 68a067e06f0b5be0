# HSC on EfficientNet-B3 at stride 32.
_base_ = 'hsc_r50_voc.py'
model = dict(
    second_view=(256, 256),
    backbone=dict(
        _delete_=True, type='mmpretrain.EfficientNet', arch='b3',
        out_indices=(3, 4, 6), norm_eval=True,
        conv_cfg=dict(type='Conv2d'),  # padded alike on all sides
        init_cfg=dict(
            type='Pretrained', prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'efficientnet/efficientnet-b3_3rdparty_8xb32-aa_in1k_20220119-'
            '5b4887a0.pth')),
    decode_head=dict(in_channels=1536,
                     refiner=dict(in_channels=(48, 136), in_index=(0, 1))))
