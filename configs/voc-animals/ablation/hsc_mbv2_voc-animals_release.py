# Recipe of the public release, with its weights.
_base_ = '../hsc_mbv2_voc-animals.py'
contrast = dict(
    recipe='release',
    background=0.1,
    grid=None,
    warmup=0.0,
    loss_pixel=dict(loss_weight=0.1))
model = dict(
    decode_head=dict(
        contrast=contrast, loss_ecr=dict(skip_first=True)))
