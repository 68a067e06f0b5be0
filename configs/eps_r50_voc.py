# EPS: saliency maps as the labels of pixels. Pictures, batch and thresholds
# are those of its paper's code.
_base_ = [
    '_base_/models/cam_r50.py', '_base_/datasets/voc_image-labels.py',
    '_base_/schedules/sgd_20k.py', '_base_/default_runtime.py',
    '_base_/methods/eps.py'
]
train_pipeline = _base_.train_pipeline
train_pipeline[3].long_side = (256, 512)
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        aux_maps=dict(saliency=dict(path='SaliencyMaps')),
        pipeline=train_pipeline))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
eps = _base_.eps
eps.losses.sal.threshold = 0.4
model = dict(decode_head=eps, test_cfg=dict(bg_threshold=0.2))
