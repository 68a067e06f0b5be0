# Masks for contrast as they come.
_base_ = '../hsc_mbv2_voc-animals.py'
model = dict(decode_head=dict(contrast=dict(refiner=None)))
