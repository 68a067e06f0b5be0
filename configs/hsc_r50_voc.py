# HSC on the saliency-free baseline: needs images and image labels alone.
_base_ = 'seam_r50_voc.py'
model = dict(decode_head=dict(type='hsc_mm.HSCHead'))
