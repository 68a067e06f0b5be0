# Without the ROI level.
_base_ = '../hsc_eps_demo.py'
levels = dict(roi=None)
model = dict(decode_head=dict(losses=dict(contrast=dict(levels=levels))))
