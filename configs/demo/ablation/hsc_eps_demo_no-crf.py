# Masks for contrast as they come.
_base_ = '../hsc_eps_demo.py'
contrast = dict(mask_refiner=None)
model = dict(decode_head=dict(losses=dict(contrast=contrast)))
