# HSC on PoolFormer-S12 at stride 32.
_base_ = 'hsc_swin-t_voc.py'
default_hooks = dict(startup_check=dict(may_lack=('norm[24].*', )))
model = dict(
    backbone=dict(
        _delete_=True, type='mmpretrain.PoolFormer', drop_path_rate=0.1,
        out_indices=(2, 4, 6), frozen_stages=-1,
        init_cfg=dict(
            type='Pretrained', prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'poolformer/poolformer-s12_3rdparty_32xb128_in1k_20220414-'
            'f8d83051.pth')),
    decode_head=dict(
        in_channels=512, align_corners=True,
        refiner=dict(in_channels=(128, 320))))
