# Second stage: DeepLab v3+ learns from the pseudo labels of the first.
_base_ = [
    '_base_/models/deeplabv3plus_r50.py',
    '_base_/datasets/voc_pseudo-labels.py', '_base_/schedules/sgd_20k.py',
    '_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(lr=0.01))
