# Without the class level.
_base_ = '../hsc_eps_demo.py'
model = dict(decode_head=dict(contrast=dict(loss_class=None)))
