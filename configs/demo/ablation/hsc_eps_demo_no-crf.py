# Masks for contrast as they come.
_base_ = '../hsc_eps_demo.py'
model = dict(decode_head=dict(contrast=dict(refiner=None)))
