# HSC on RegNetX-3.2GF at stride 16; its weights were trained on BGR.
_base_ = 'hsc_r50_voc.py'
model = dict(
    data_preprocessor=dict(
        mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395],
        bgr_to_rgb=False),
    backbone=dict(
        _delete_=True, type='mmpretrain.RegNet', arch='regnetx_3.2gf',
        strides=(2, 2, 2, 1), out_indices=(0, 1, 2, 3), norm_eval=True,
        init_cfg=dict(
            type='Pretrained', prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'regnet/regnetx-3.2gf_8xb64_in1k_20211213-1fdd82ae.pth')),
    decode_head=dict(in_channels=1008, refiner=dict(in_channels=(192, 432))))
