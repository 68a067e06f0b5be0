# HSC on ConvNeXt-T at stride 32.
_base_ = 'hsc_swin-t_voc.py'
default_hooks = dict(startup_check=dict(may_lack=('norm[12].*', )))
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ConvNeXt',
        drop_path_rate=0.1,
        out_indices=(1, 2, 3),
        gap_before_final_norm=False,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'convnext/convnext-tiny_32xb128_in1k_20221207-998cf3e9.pth',
            prefix='backbone.')))
