# Pixel level alone.
_base_ = '../hsc_eps_demo.py'
model = dict(decode_head=dict(contrast=dict(loss_roi=None, loss_class=None)))
