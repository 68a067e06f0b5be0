# ResNet-38d, the network of the papers. RESNET38D_WEIGHTS names ImageNet
# weights that tools/convert_weights.py made. It goes under any head:
# model = dict(_base_.r38d, decode_head=dict(in_channels=4096, ...)).
r38d = dict(
    backbone=dict(
        _delete_=True,
        type='hsc_mm.ResNet38d',
        init_cfg=dict(
            type='Pretrained',
            checkpoint=r"""{{$RESNET38D_WEIGHTS:weights/resnet38d_imagenet.pth}}""",
            prefix='backbone.')))
# With a momentum of 0.9, the rate of SEAM and HSC: their 0.01 has none.
r38d_optim = dict(optimizer=dict(lr=0.001))
