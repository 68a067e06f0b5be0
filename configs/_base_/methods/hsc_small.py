# HSC on small sets in small crops. On the demo, in crops of 128 pixels, seeds
# are better with masks by scores of the background and of the CAM alone; on
# forty photographs one set says so too, and another the opposite.
_base_ = 'hsc.py'
hsc = dict(
    losses=dict(contrast=dict(background=(0.15, 0.4), background_as='score')),
    seed_from='refined')
