# Recipe of the public release, with its weights.
_base_ = ['../hsc_eps_demo.py', '../../_base_/methods/hsc_release.py']
model = dict(decode_head={{_base_.hsc_release}})
