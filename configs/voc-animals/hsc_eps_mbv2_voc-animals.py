# HSC with saliency maps on six classes of VOC. Without clipping one run of
# three broke when the contrast reached its full weight.
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
optim_wrapper = dict(clip_grad=dict(max_norm=10.0))
# The head, where data_prefix.saliency_path is None.
without_saliency = dict(seed_from='refined')
