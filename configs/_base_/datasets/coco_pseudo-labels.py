# Segmentation of MS-COCO 2014 from pseudo labels. A leaf puts these in place
# of a data set of VOC. COCO2014_ROOT and PSEUDO_DIR override the places of
# the pictures and of the pseudo labels.
coco_root = r"""{{$COCO2014_ROOT:data/coco2014}}"""

# The longer side of nearly all pictures is 640: scales 0.5 to 1.5.
coco_pipeline = [
    dict(type='hsc_mm.SeedBySampler'),
    dict(type='hsc_mm.LoadImage'),
    dict(
        type='hsc_mm.LoadPseudoLabel',
        pseudo_dir=r"""{{$PSEUDO_DIR:work_dirs/pseudo_labels}}""",
        trusted_dir=r"""{{$TRUSTED_DIR:none}}"""),
    dict(
        type='RandomResize',
        scale=(640, 640),
        ratio_range=(0.5, 1.5),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs')
]
coco_train = dict(
    type='hsc_mm.COCOImageLabelDataset',
    data_root=coco_root,
    ann_file='ImageSets/train2014.txt',
    label_file='image_labels_train2014.json',
    data_prefix=dict(img_path='train2014'),
    pipeline=coco_pipeline)
coco_val = dict(
    type='hsc_mm.COCOImageLabelDataset',
    data_root=coco_root,
    ann_file='ImageSets/val2014.txt',
    data_prefix=dict(
        img_path='val2014', seg_map_path='SegmentationClass/val2014'),
    with_labels=False)
