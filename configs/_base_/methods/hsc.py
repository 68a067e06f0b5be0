# Hierarchical semantic contrast. It goes on any CAM head:
# model = dict(second_view=(128, 128), decode_head={{_base_.hsc}}).
# The grid is that of the release, whose view 2 has 16 x 16 positions at stride
# 8: at other strides both views are resized to it. CAMs, and with them masks,
# mean nothing at first: the contrast rises over a fifth of the training. The
# background of masks is a share of a batch's positions, and prototypes take
# part in the seeds. In the paper it is a score, and seeds are made of the CAM.
hsc = dict(
    embeddings=dict(
        pixel=dict(type='hsc_mm.PixelEmbedding', channels=128),
        region=dict(type='hsc_mm.RegionEmbedding', channels=256)),
    losses=dict(
        contrast=dict(
            type='hsc_mm.HierarchicalContrast',
            background=(0.5, 0.8),
            background_as='quantile',
            grid=(16, 16),
            warmup=0.2,
            levels=dict(
                roi=dict(type='hsc_mm.ROIContrast'),
                cls=dict(type='hsc_mm.ClassContrast'),
                pixel=dict(type='hsc_mm.PixelContrast', loss_weight=0.4)))),
    seed_from='prototypes')
# What it asks of an optimiser whose head learns ten times as fast as the
# backbone, too fast for embeddings: optim_wrapper = {{_base_.hsc_optim}}.
hsc_optim = dict(
    clip_grad=dict(max_norm=10.0),
    paramwise_cfg=dict(
        custom_keys={'decode_head.embeddings': dict(lr_mult=1.0)}))
