# HSC on EPS: the same with saliency maps, at the rate of eps_demo.py.
_base_ = ['hsc_demo.py', '../_base_/methods/eps.py']
train_dataloader = dict(
    dataset=dict(aux_maps=dict(saliency=dict(path='SaliencyMaps'))))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
eps = _base_.eps
eps.losses.contrast = dict(levels=dict(cls=dict(loss_weight=0.1)))
model = dict(decode_head=eps)
optim_wrapper = dict(optimizer=dict(lr=0.001))
# The head, where aux_maps.saliency is None.
without_saliency = dict(
    losses=dict(contrast=dict(levels=dict(cls=dict(loss_weight=1.0)))))
