# SEAM on the generated data set.
_base_ = ['cam_demo.py', '../_base_/methods/seam.py']
model = dict(
    second_view=(96, 96),
    decode_head=dict(
        _base_.seam,
        refiner=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(40, 112),
            in_index=(1, 2))))
