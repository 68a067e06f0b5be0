# HSC on ViT-S (AugReg, ImageNet-21k), patches of 16 pixels.
_base_ = 'hsc_deit-s_voc.py'
train_pipeline = _base_.train_dataloader.dataset.pipeline
train_pipeline[-2].update(pad_val=[127.5] * 3)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(
        _delete_=True, type='VisionTransformer', img_size=384, embed_dims=384,
        num_heads=6, out_indices=(5, 8, 11), patch_bias=True, final_norm=True,
        norm_cfg=dict(type='LN', eps=1e-6), drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/'
            'pretrain/segmenter/vit_small_p16_384_20220308-410f6037.pth')))
