# Masks for contrast as they come.
_base_ = '../hsc_mbv2_voc-animals.py'
contrast = dict(mask_refiner=None)
model = dict(decode_head=dict(losses=dict(contrast=contrast)))
