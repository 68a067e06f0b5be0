# Without the pixel level.
_base_ = '../hsc_mbv2_voc-animals.py'
levels = dict(pixel=None)
model = dict(
    decode_head=dict(
        losses=dict(contrast=dict(levels=levels)), seed_from='refined'))
