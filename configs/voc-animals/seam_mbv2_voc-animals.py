# SEAM on six classes of VOC.
_base_ = ['cam_mbv2_voc-animals.py', '../_base_/methods/seam.py']
model = dict(
    second_view=(128, 128),
    decode_head=dict(
        _base_.seam,
        refiner=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(32, 96),
            in_index=(1, 2))),
    # Selected on sixty masks, for SEAM and HSC alike: refined CAMs are
    # normalised by minimum and maximum.
    test_cfg=dict(bg_threshold=0.45))
