# For transformers: a warm-up, then linear decay that ends with training.
# Norms of the backbone have no weight decay.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(norm=dict(decay_mult=0.0))))
param_scheduler = [
    dict(type='PolyLR', power=1.0, eta_min=0.0, begin=1500, end=40000,
         by_epoch=False),
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=1500,
         by_epoch=False)
]
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=40000, val_interval=40000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
