# HSC on EPS with the network of the paper: image labels and saliency maps.
_base_ = ['hsc_r38d_seam_voc.py', '_base_/methods/eps.py']
train_dataloader = dict(
    dataset=dict(aux_maps=dict(saliency=dict(path='SaliencyMaps'))))
val_evaluator = dict(supervision='image labels + saliency')
test_evaluator = val_evaluator
model = dict(decode_head={{_base_.eps}})
# The head, where aux_maps.saliency is None.
without_saliency = dict(seed_from='refined')
