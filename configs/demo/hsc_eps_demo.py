# HSC on EPS: the same with saliency maps.
_base_ = ['hsc_demo.py', '../_base_/methods/eps.py']
train_dataloader = dict(
    dataset=dict(aux_maps=dict(saliency=dict(path='SaliencyMaps'))))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(decode_head=dict(_base_.eps, seed_from='refined'))
