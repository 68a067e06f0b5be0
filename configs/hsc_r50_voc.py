# HSC on the saliency-free baseline: needs images and image labels alone.
_base_ = ['seam_r50_voc.py', '_base_/methods/hsc.py']
model = dict(decode_head={{_base_.hsc}})
