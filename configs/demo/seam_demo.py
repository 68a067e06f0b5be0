# SEAM on the generated data set.
_base_ = ['cam_demo.py', '../_base_/methods/seam.py']
# Seeds of a refined CAM are normalised by minimum and maximum, and need a
# higher threshold than those of plain CAM.
model = dict(
    second_view=(96, 96),
    test_cfg=dict(bg_threshold=0.7),
    decode_head=dict(
        _base_.seam,
        refiner=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(40, 112),
            in_index=(1, 2))))
