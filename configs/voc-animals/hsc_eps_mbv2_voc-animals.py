# HSC with saliency maps on six classes of VOC.
_base_ = ['hsc_mbv2_voc-animals.py', '../_base_/methods/eps.py']
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='SaliencyMaps')))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(decode_head={{_base_.eps}})
# The head, where data_prefix.saliency_path is None.
without_saliency = dict(seed_from='refined')
