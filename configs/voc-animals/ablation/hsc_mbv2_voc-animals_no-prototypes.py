# Without the memory of earlier batches: no pull, no memory term, and the
# class level sees the prototypes of the last batch.
_base_ = '../hsc_mbv2_voc-animals.py'
levels = dict(
    roi=dict(prototype=False, bank=dict(momentum=1.0)),
    cls=dict(bank=dict(momentum=1.0)),
    pixel=dict(memory=False, bank=dict(momentum=1.0)))
model = dict(decode_head=dict(losses=dict(contrast=dict(levels=levels))))
