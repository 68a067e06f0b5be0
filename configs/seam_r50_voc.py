# SEAM: two views, refinement by pixel correlation, equivariance. The threshold
# is that of its paper's seeds.
_base_ = [
    '_base_/models/cam_r50.py', '_base_/datasets/voc_image-labels.py',
    '_base_/schedules/sgd_20k.py', '_base_/default_runtime.py',
    '_base_/methods/seam.py'
]
model = dict(
    second_view=(128, 128),
    decode_head=dict(
        _base_.seam,
        refiner=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(512, 1024),
            in_index=(1, 2))),
    test_cfg=dict(bg_threshold=0.26))
