# HSC on the generated data set: what `make demo` runs.
_base_ = ['seam_demo.py', '../_base_/methods/hsc_small.py']
model = dict(decode_head={{_base_.hsc}})
