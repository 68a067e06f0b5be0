# Without any level: the baseline of two views that the levels stand on.
_base_ = '../hsc_eps_demo.py'
contrast = dict(loss_roi=None, loss_class=None, loss_pixel=None)
model = dict(decode_head=dict(contrast=contrast))
