# EPS: saliency maps as the labels of pixels. It goes on any CAM head:
# decode_head={{_base_.eps}}, on data with saliency maps.
eps = dict(
    activation='softmax',
    losses=dict(sal=dict(type='hsc_mm.SaliencyLoss')),
    seed_from='raw')
# The head, where the data set has no saliency maps (aux_maps.saliency=None).
without_saliency = dict(activation='relu')
