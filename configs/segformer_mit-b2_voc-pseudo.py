# Second stage: SegFormer on MiT-B2.
_base_ = [
    '_base_/models/segformer_mit-b2.py',
    '_base_/datasets/voc_pseudo-labels.py', '_base_/schedules/adamw_40k.py',
    '_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=16)
# New layers learn ten times as fast.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))))
