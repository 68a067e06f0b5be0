# What the public release of HSC computes otherwise, on top of hsc.py:
# decode_head={{_base_.hsc_release}}. Each row is explained in docs/method.md.
hsc_release = dict(
    refine_from='logits',
    seed_from='refined',
    embeddings=dict(
        region=dict(norm_cfg=dict(type='BN', requires_grad=False))),
    losses=dict(
        contrast=dict(
            weights='all',
            background=0.1,
            background_as='score',
            grid=None,
            warmup=0.0,
            levels=dict(
                roi=dict(
                    normalize='width',
                    count_empty=True,
                    bank=dict(init='random', normalize='none')),
                cls=dict(
                    background=False,
                    sequential=True,
                    share_ties=False,
                    bank=dict(init='random', normalize='new')),
                pixel=dict(
                    loss_weight=0.1,
                    share_ties=False,
                    bank=dict(init='random', normalize='new'))))))
