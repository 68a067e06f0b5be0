# The decoder of the same model, scored on images that were not trained on.
_base_ = 'single_deit-s_voc-animals.py'
model = dict(
    type='hsc_mm.SingleStageSegmentor', test_cfg=dict(use_image_labels=False))
tta_model = dict(type='hsc_mm.SegTTAModel')
val_dataloader = dict(
    dataset=dict(ann_file='ImageSets/Segmentation/val.txt'))
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True,
    type='hsc_mm.MaskMetric',
    iou_metrics=['mIoU'],
    supervision='image labels')
test_evaluator = val_evaluator
