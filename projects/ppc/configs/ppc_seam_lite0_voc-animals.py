# PPC on SEAM, on six classes of VOC, on EfficientNet-Lite0.
_base_ = [
    'ppc_seam_mbv2_voc-animals.py', '../../../configs/_base_/models/lite0.py'
]
model = dict(
    _base_.lite0_cam,
    decode_head=dict(in_channels=1280, refiner=dict(in_channels=(40, 112))))
