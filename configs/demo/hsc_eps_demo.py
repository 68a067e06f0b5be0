# HSC on EPS: the same with saliency maps, at the rate of eps_demo.py.
_base_ = 'hsc_demo.py'
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='SaliencyMaps')))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(
    decode_head=dict(
        activation='softmax',
        contrast=dict(loss_class=dict(loss_weight=0.1)),
        loss_sal=dict(type='hsc_mm.SaliencyLoss')))
optim_wrapper = dict(optimizer=dict(lr=0.001))
# The head, where data_prefix.saliency_path is None.
without_saliency = dict(contrast=dict(loss_class=dict(loss_weight=1.0)))
