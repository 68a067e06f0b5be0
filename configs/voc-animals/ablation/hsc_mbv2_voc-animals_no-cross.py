# Without cross supervision of the views.
_base_ = '../hsc_mbv2_voc-animals.py'
levels = dict(
    roi=dict(cross=False),
    cls=dict(cross=False),
    pixel=dict(cross_prototype=False, cross_label=False))
model = dict(decode_head=dict(losses=dict(contrast=dict(levels=levels))))
