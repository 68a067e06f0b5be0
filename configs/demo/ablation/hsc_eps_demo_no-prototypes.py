# Without the memory of earlier batches: no pull, no memory term, and the
# class level sees the prototypes of the last batch.
_base_ = '../hsc_eps_demo.py'
contrast = dict(
    momentum=1.0,
    loss_roi=dict(prototype=False),
    loss_pixel=dict(memory=False))
model = dict(decode_head=dict(contrast=contrast))
