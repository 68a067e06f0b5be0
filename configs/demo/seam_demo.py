# SEAM on the generated data set.
_base_ = 'cam_demo.py'
model = dict(
    second_view=(96, 96),
    decode_head=dict(
        type='hsc_mm.RefinedCAMHead',
        pcm=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(32, 64),
            in_index=(0, 1),
            reduced=(16, 32),
            embed_channels=48),
        loss_er=dict(type='hsc_mm.EquivarianceLoss'),
        loss_ecr=dict(type='hsc_mm.EquivarianceCrossLoss'),
        loss_min=dict(type='hsc_mm.MinPoolingLoss'),
        seed_from='refined'))
