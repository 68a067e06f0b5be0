# Plain CAM on EfficientNet-Lite0 at stride 16.
_base_ = ['cam_mbv2_voc.py', '_base_/models/lite0.py']
train_pipeline = _base_.train_dataloader.dataset.pipeline
train_pipeline[-2].update(pad_val=_base_.lite0.data_preprocessor.mean)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = {{_base_.lite0_cam}}
