# HSC with saliency maps.
_base_ = 'hsc_r50_voc.py'
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='SaliencyMaps')))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(
    decode_head=dict(
        activation='softmax',
        loss_sal=dict(type='hsc_mm.SaliencyLoss'),
        seed_from='raw'))
# The head, where data_prefix.saliency_path is None.
without_saliency = dict(seed_from='refined')
