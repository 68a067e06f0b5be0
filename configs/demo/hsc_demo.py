# HSC on the generated data set.
_base_ = 'seam_demo.py'
model = dict(
    decode_head=dict(
        type='hsc_mm.HSCHead', region_channels=64, pixel_channels=64))
