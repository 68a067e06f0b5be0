# MS-COCO 2014, image labels only. A leaf puts these in place of a data set of
# VOC, whose pipelines stay. COCO2014_ROOT overrides the place.
coco_root = r"""{{$COCO2014_ROOT:data/coco2014}}"""

coco_train = dict(
    type='hsc_mm.COCOImageLabelDataset',
    data_root=coco_root,
    ann_file='ImageSets/train2014.txt',
    label_file='image_labels_train2014.json',
    data_prefix=dict(img_path='train2014'))
# Seeds are scored on the training images: the second stage learns from them.
coco_seeds = dict(
    type='hsc_mm.COCOImageLabelDataset',
    data_root=coco_root,
    ann_file='ImageSets/train2014.txt',
    label_file='image_labels_train2014.json',
    data_prefix=dict(
        img_path='train2014', seg_map_path='SegmentationClass/train2014'))
