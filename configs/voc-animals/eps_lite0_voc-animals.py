# EPS on six classes of VOC, on EfficientNet-Lite0.
_base_ = ['eps_mbv2_voc-animals.py', '../_base_/models/lite0.py']
model = {{_base_.lite0_cam}}
