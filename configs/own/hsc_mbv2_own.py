# HSC on pictures of one's own: a small backbone and small pictures, for a CPU.
# tools/new_dataset.py --backbone mbv2 writes leaves on top of it, with folders
# and classes; here is an example with masks of some images.
# MOBILENET_V2_WEIGHTS names the weights.
_base_ = [
    '../_base_/models/cam_r50.py', '../_base_/datasets/own_image-labels.py',
    '../_base_/schedules/small.py', '../_base_/default_runtime.py',
    '../_base_/methods/seam.py', '../_base_/methods/hsc_small.py',
    '../_base_/models/mbv2.py'
]
hsc = _base_.hsc
hsc.losses.update(_base_.seam.losses)
model = dict(
    _base_.mbv2,
    second_view=(128, 128),
    channels_last=True,
    decode_head=dict(
        hsc,
        in_channels=320,
        num_classes=3,
        refiner=dict(
            type='hsc_mm.PixelCorrelation',
            in_channels=(32, 96),
            in_index=(1, 2))),
    # On thirty photographs of three classes of VOC, 0.5 was better than 0.3.
    test_cfg=dict(bg_threshold=0.5))
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=10))
# PAR makes CAMs follow the edges of a picture: two points and more on
# photographs (docs/results-photographs.md). Where no masks choose a threshold,
# the classifier does: 0.6 suited photographs only
# (docs/results-own-pictures.md).
pseudo_label = dict(
    refiners=[dict(type='hsc_mm.PAR')], threshold='sufficiency')
