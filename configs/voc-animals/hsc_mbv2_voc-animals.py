# HSC on six classes of VOC.
_base_ = 'seam_mbv2_voc-animals.py'
model = dict(decode_head=dict(type='hsc_mm.HSCHead'))
