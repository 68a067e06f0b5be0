# Second stage: UPerNet on Swin-T.
_base_ = [
    '_base_/models/upernet_swin-t.py',
    '_base_/datasets/voc_pseudo-labels.py', '_base_/schedules/adamw_40k.py',
    '_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=16)
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(
            absolute_pos_embed=dict(decay_mult=0.0),
            relative_position_bias_table=dict(decay_mult=0.0))))
# A classifier has no norms between its stages, and need not store an index
# that follows from the size of the window.
default_hooks = dict(
    startup_check=dict(
        may_lack=('norm?.weight', 'norm?.bias', '*.relative_position_index')))
