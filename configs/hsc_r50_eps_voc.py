# HSC with saliency maps.
_base_ = ['hsc_r50_voc.py', '_base_/methods/eps.py']
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='SaliencyMaps')))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(decode_head={{_base_.eps}})
# The head, where data_prefix.saliency_path is None.
without_saliency = dict(seed_from='refined')
