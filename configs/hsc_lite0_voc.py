# HSC on EfficientNet-Lite0 at stride 16.
_base_ = ['hsc_r50_voc.py', '_base_/models/lite0.py']
train_pipeline = _base_.train_dataloader.dataset.pipeline
train_pipeline[-2].update(pad_val=_base_.lite0.data_preprocessor.mean)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    _base_.lite0_cam,
    decode_head=dict(in_channels=1280, refiner=dict(in_channels=(40, 112))))
