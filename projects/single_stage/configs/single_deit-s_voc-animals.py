# CAM and segmentation decoder in one training, on six classes of VOC. Seeds
# are scored on the training images; the other config scores the decoder.
# DEIT_SMALL_WEIGHTS names the weights.
_base_ = '../../../configs/voc-animals/cam_mbv2_voc-animals.py'
custom_imports = dict(imports=[
    'hsc_mm', 'projects.single_stage.loss', 'projects.single_stage.model'
])
model = dict(
    attention=dict(last=2, heads=True),
    channels_last=False,
    neck=None,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        test_cfg=dict(size_divisor=16)),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch='deit-small',
        out_type='featmap',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint=r"""{{$DEIT_SMALL_WEIGHTS:https://download.openmmlab.com/mmclassification/v0/deit/deit-small_pt-4xb256_in1k_20220218-9425b9bb.pth}}"""  # noqa: E501
        )),
    decode_head=dict(
        in_channels=384,
        align_corners=False,
        embeddings=dict(segmentation=dict(type='hsc_mm.SegmentationDecoder')),
        losses=dict(
            single=dict(
                type='hsc_mm.AffinityFromAttention',
                maps=12,  # two blocks of six heads
                radius=4))))  # of 10 x 10 patches; 8 of 20 x 20 in the paper
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-5, weight_decay=0.01),
    paramwise_cfg=dict(
        norm_decay_mult=0.0, custom_keys=dict(decode_head=dict(lr_mult=10.0))))
