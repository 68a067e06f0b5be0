# HSC on SEAM with the network of the paper. RESNET38D_WEIGHTS names ImageNet
# weights that tools/convert_weights.py made.
_base_ = 'hsc_r50_voc.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='hsc_mm.ResNet38d',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$RESNET38D_WEIGHTS:weights/resnet38d_imagenet.pth}}',
            prefix='backbone.')),
    decode_head=dict(in_channels=4096, refiner=dict(in_index=(0, 1))))
train_dataloader = dict(batch_size=12)
# With a momentum of 0.9, the rate of SEAM and HSC: their 0.01 has none.
optim_wrapper = dict(optimizer=dict(lr=0.001))
