# Recipe of the public release, with its weights.
_base_ = '../hsc_demo.py'
contrast = dict(
    recipe='release',
    background=0.1,
    grid=None,
    warmup=0.0,
    loss_class=dict(loss_weight=0.1))
model = dict(decode_head=dict(contrast=contrast))
