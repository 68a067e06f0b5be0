# HSC on SEAM with the network of the paper.
_base_ = ['hsc_r50_voc.py', '_base_/models/r38d.py']
model = dict(
    _base_.r38d,
    decode_head=dict(in_channels=4096, refiner=dict(in_index=(0, 1))))
train_dataloader = dict(batch_size=12)
optim_wrapper = {{_base_.r38d_optim}}
