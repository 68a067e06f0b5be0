# Recipe of the public release, with its weights.
_base_ = '../hsc_eps_demo.py'
contrast = dict(
    recipe='release',
    background=0.1,
    grid=None,
    warmup=0.0)
model = dict(decode_head=dict(contrast=contrast))
