# Without the class level.
_base_ = '../hsc_mbv2_voc-animals.py'
model = dict(decode_head=dict(contrast=dict(loss_class=None)))
