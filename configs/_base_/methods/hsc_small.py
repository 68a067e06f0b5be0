# HSC on small sets in small crops. Of forty photographs, or of the demo in
# crops of 128 pixels, prototypes do not learn enough to take part in seeds,
# and masks by scores of the background make CAMs as good or better.
_base_ = 'hsc.py'
hsc = dict(
    losses=dict(contrast=dict(background=(0.15, 0.4), background_as='score')),
    seed_from='refined')
