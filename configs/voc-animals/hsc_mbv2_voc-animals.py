# HSC on six classes of VOC. View 2 has 8 x 8 positions at stride 16, too few
# for the masks' CRF; the classifier learns a hundred times as fast as the
# backbone, which is too fast for embeddings.
_base_ = 'seam_mbv2_voc-animals.py'
model = dict(
    decode_head=dict(
        type='hsc_mm.HSCHead',
        contrast=dict(background=0.25, grid=(16, 16), warmup=0.2)))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(
            pixel_projector=dict(lr_mult=10.0),
            region_projector=dict(lr_mult=10.0))))
