# HSC on the saliency-free baseline: needs images and image labels alone. Seeds
# that prototypes take part in need a higher threshold than the paper's 0.22.
_base_ = ['seam_r50_voc.py', '_base_/methods/hsc.py']
model = dict(decode_head={{_base_.hsc}}, test_cfg=dict(bg_threshold=0.4))
optim_wrapper = {{_base_.hsc_optim}}
