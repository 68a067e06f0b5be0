# The same as the public release computes it, its departures included: what
# each of them is stands in docs/method.md.
_base_ = ['hsc_r38d_eps_voc.py', '_base_/methods/hsc_release.py']
model = dict(
    decode_head=dict(
        _base_.hsc_release,
        losses=dict(
            ecr=dict(skip_first=True),
            sal=dict(refined=True),
            contrast=_base_.hsc_release.losses.contrast),
        seed_from='raw',
        # Of the refiner too, which then sets its own.
        init_cfg=dict(type='Xavier', distribution='uniform', layer='Conv2d')),
    test_cfg=dict(bg_threshold=0.22))
# The head, where aux_maps.saliency is None.
without_saliency = dict(seed_from='refined')
# Its weight decay also stands in the place of SGD's momentum; the second
# projector trains like the backbone, biases twice as fast and without decay;
# and the schedule reaches zero long before the end: with train_cfg.max_iters=
# 13214 weights are the same, prototypes are not.
projector = 'decode_head.embeddings.region'
bias = dict(lr_mult=2.0, decay_mult=0.0)
optim_wrapper = dict(
    clip_grad=None,
    optimizer=dict(lr=0.01, momentum=5e-4),
    paramwise_cfg=dict(
        custom_keys={
            'decode_head.embeddings.pixel': dict(lr_mult=10.0),
            projector: dict(lr_mult=1.0),
            f'{projector}.0.bias': bias,
            f'{projector}.3.bias': bias
        }))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=13215,
         by_epoch=False)
]
