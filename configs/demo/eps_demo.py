# EPS on the generated data set.
_base_ = ['cam_demo.py', '../_base_/methods/eps.py']
train_dataloader = dict(
    dataset=dict(aux_maps=dict(saliency=dict(path='SaliencyMaps'))))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(decode_head={{_base_.eps}})
