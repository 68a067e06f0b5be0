# SEAM on the generated data set. Features learned from random numbers all
# point the same way: PCM needs them centred, and even so its refined CAM is no
# better than the raw one, which makes the seeds here.
_base_ = 'cam_demo-continued.py'
model = dict(
    second_view=(96, 96),
    decode_head=dict(
        type='hsc_mm.RefinedCAMHead',
        pcm=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(64, 128),
            in_index=(1, 2),
            reduced=(16, 32),
            embed_channels=48,
            center=True),
        loss_er=dict(type='hsc_mm.EquivarianceLoss'),
        loss_ecr=dict(type='hsc_mm.EquivarianceCrossLoss'),
        loss_min=dict(type='hsc_mm.MinPoolingLoss'),
        seed_from='raw'))
