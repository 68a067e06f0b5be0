# EPS on the generated data set. It needs five times the rate of the others to
# learn from saliency what a CAM of heads does not show.
_base_ = ['cam_demo-continued.py', '../_base_/methods/eps.py']
train_dataloader = dict(
    dataset=dict(aux_maps=dict(saliency=dict(path='SaliencyMaps'))))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(decode_head={{_base_.eps}})
optim_wrapper = dict(optimizer=dict(lr=0.001))
