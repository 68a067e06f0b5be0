# Recipe of the public release, with its weights; it does not clip gradients.
_base_ = [
    '../hsc_mbv2_voc-animals.py', '../../_base_/methods/hsc_release.py'
]
release = _base_.hsc_release
release.losses.ecr = dict(skip_first=True)
model = dict(decode_head=release)
optim_wrapper = dict(clip_grad=None)
