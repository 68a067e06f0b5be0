# Without any level: the baseline of two views that the levels stand on.
_base_ = '../hsc_eps_demo.py'
model = dict(decode_head=dict(losses=dict(contrast=None)))
