# Without the pixel level.
_base_ = '../hsc_eps_demo.py'
levels = dict(pixel=None)
model = dict(decode_head=dict(losses=dict(contrast=dict(levels=levels))))
