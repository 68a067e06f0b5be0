# HSC on the generated data set.
_base_ = 'seam_demo.py'
model = dict(
    decode_head=dict(
        type='hsc_mm.HSCHead',
        region_channels=64,
        pixel_channels=64,
        contrast=dict(background=0.3, grid=(16, 16), warmup=0.4)))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(
            pixel_projector=dict(lr_mult=1.0),
            region_projector=dict(lr_mult=1.0))))
