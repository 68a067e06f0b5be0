# SEAM on the generated data set. Features learned from random numbers all
# point the same way: PCM needs them centred, and even so its refined CAM is no
# better than the raw one, which makes the seeds here.
_base_ = ['cam_demo-continued.py', '../_base_/methods/seam.py']
model = dict(
    second_view=(96, 96),
    decode_head=dict(
        _base_.seam,
        refiner=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(64, 128),
            in_index=(1, 2),
            reduced=(16, 32),
            embed_channels=48,
            center=True),
        seed_from='raw'))
