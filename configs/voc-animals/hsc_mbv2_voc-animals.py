# HSC on six classes of VOC. The classifier learns a hundred times as fast as
# the backbone, which is too fast for embeddings. The pixel level carries the
# gain; at four times its weight gradients have to be clipped.
_base_ = ['seam_mbv2_voc-animals.py', '../_base_/methods/hsc.py']
hsc = _base_.hsc
hsc.losses.contrast.background = (0.15, 0.4)
hsc.losses.contrast.levels.pixel.loss_weight = 0.4
model = dict(decode_head=hsc)
optim_wrapper = dict(
    clip_grad=dict(max_norm=10.0),
    paramwise_cfg=dict(
        custom_keys={'decode_head.embeddings': dict(lr_mult=10.0)}))
