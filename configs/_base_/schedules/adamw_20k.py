# HSC on a backbone that is fine-tuned with AdamW. It changes the schedule of
# the config that it continues: two bases of one leaf must not share a key.
_base_ = '../../hsc_r50_voc.py'
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=6e-5, weight_decay=0.01),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys=dict(
            cls_token=dict(decay_mult=0.0),
            pos_embed=dict(decay_mult=0.0),
            relative_position_bias_table=dict(decay_mult=0.0))))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=20000,
         by_epoch=False),
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=1500,
         by_epoch=False)
]
