# EPS on the generated data set.
_base_ = 'cam_demo-continued.py'
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='SaliencyMaps')))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(
    decode_head=dict(
        type='hsc_mm.RefinedCAMHead',
        activation='softmax',
        loss_sal=dict(type='hsc_mm.SaliencyLoss')))
