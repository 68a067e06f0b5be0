# HSC on the generated data set, on plain CAM. The classifier learns ten times
# as fast as the backbone, which is too fast for embeddings. The gradient of
# the class level is a twentieth of that of the others, hence its weight.
_base_ = 'cam_demo-continued.py'
model = dict(
    second_view=(96, 96),
    decode_head=dict(
        type='hsc_mm.HSCHead',
        region_channels=64,
        pixel_channels=64,
        contrast=dict(
            background=0.3,
            grid=(16, 16),
            warmup=0.1,
            loss_class=dict(loss_weight=1.0))))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(
            pixel_projector=dict(lr_mult=1.0),
            region_projector=dict(lr_mult=1.0))))
