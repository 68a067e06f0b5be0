# SEAM: equivariance of two views, refinement by pixel correlation. It goes on
# a CAM head with a refiner: decode_head=dict(_base_.seam, refiner=dict(...)).
seam = dict(
    losses=dict(
        er=dict(type='hsc_mm.EquivarianceLoss'),
        ecr=dict(type='hsc_mm.EquivarianceCrossLoss'),
        min=dict(type='hsc_mm.MinPoolingLoss')),
    seed_from='refined')
