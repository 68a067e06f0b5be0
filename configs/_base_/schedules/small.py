# Small data sets from pretrained weights, on a CPU: a classifier learns a
# hundred times as fast as the backbone, embeddings ten times. With small
# batches some trainings broke at that rate until gradients were clipped:
# docs/own-data.md.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=5e-4),
    clip_grad=dict(max_norm=10.0),
    paramwise_cfg=dict(
        custom_keys={
            'decode_head': dict(lr_mult=100.0),
            'decode_head.embeddings': dict(lr_mult=10.0),
            'auxiliary_head': dict(lr_mult=100.0)
        }))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=300,
         by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=300, val_interval=300)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
