# EPS with the network of its paper.
_base_ = ['eps_r50_voc.py', '_base_/models/r38d.py']
model = dict(_base_.r38d, decode_head=dict(in_channels=4096))
optim_wrapper = {{_base_.r38d_optim}}
