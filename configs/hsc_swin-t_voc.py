# HSC on Swin-T at stride 32. Norms of PCM's features are new, and not trained.
_base_ = '_base_/schedules/adamw_20k.py'
default_hooks = dict(startup_check=dict(may_lack=('norm?.*', '*index')))
find_unused_parameters = True
model = dict(
    second_view=(256, 256),
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
    backbone=dict(
        _delete_=True, type='mmpretrain.SwinTransformer',
        out_indices=(1, 2, 3), pad_small_map=True,
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://swin_tiny')),
    decode_head=dict(
        in_channels=768, align_corners=False,
        refiner=dict(in_channels=(192, 384), in_index=(0, 1))))
