# HSC on six classes of VOC.
_base_ = ['seam_mbv2_voc-animals.py', '../_base_/methods/hsc.py']
model = dict(decode_head={{_base_.hsc}})
