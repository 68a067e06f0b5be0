# SEAM: two views, refinement by pixel correlation, equivariance.
_base_ = 'cam_r50_voc.py'
model = dict(
    second_view=(128, 128),
    decode_head=dict(
        type='hsc_mm.RefinedCAMHead',
        pcm=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(512, 1024),
            in_index=(1, 2)),
        loss_er=dict(type='hsc_mm.EquivarianceLoss'),
        loss_ecr=dict(type='hsc_mm.EquivarianceCrossLoss'),
        loss_min=dict(type='hsc_mm.MinPoolingLoss'),
        seed_from='refined'))
