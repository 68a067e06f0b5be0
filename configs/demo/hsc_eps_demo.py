# HSC on EPS: the same with saliency maps.
_base_ = 'hsc_demo.py'
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='SaliencyMaps')))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(
    decode_head=dict(
        activation='softmax',
        loss_sal=dict(type='hsc_mm.SaliencyLoss')))
