# HSC on the generated data set, on plain CAM. The classifier learns ten times
# as fast as the backbone, which is too fast for embeddings. The gradient of
# the class level is a twentieth of that of the others, hence its weight.
_base_ = ['cam_demo-continued.py', '../_base_/methods/hsc.py']
hsc = _base_.hsc
hsc.embeddings.pixel.channels = hsc.embeddings.region.channels = 64
hsc.losses.contrast.update(background=0.3, warmup=0.1)
hsc.losses.contrast.levels.cls.loss_weight = 1.0
model = dict(second_view=(96, 96), decode_head=hsc)
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'decode_head.embeddings': dict(lr_mult=1.0)}))
