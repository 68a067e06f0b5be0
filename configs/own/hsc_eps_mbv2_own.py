# HSC with saliency maps on pictures of one's own; leaves name their folder.
_base_ = ['hsc_mbv2_own.py', '../_base_/methods/eps.py']
train_dataloader = dict(
    dataset=dict(aux_maps=dict(saliency=dict(path='data/own/saliency'))))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(decode_head=dict(_base_.eps, seed_from='refined'))
