# SEAM: two views, refinement by pixel correlation, equivariance.
_base_ = ['cam_r50_voc.py', '_base_/methods/seam.py']
model = dict(
    second_view=(128, 128),
    decode_head=dict(
        _base_.seam,
        refiner=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(512, 1024),
            in_index=(1, 2))))
