# Without cross supervision of the views.
_base_ = '../hsc_eps_demo.py'
contrast = dict(
    loss_roi=dict(cross=False),
    loss_class=dict(cross=False),
    loss_pixel=dict(cross_prototype=False, cross_label=False))
model = dict(decode_head=dict(contrast=contrast))
