# HSC with saliency maps on six classes of VOC.
_base_ = 'hsc_mbv2_voc-animals.py'
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
