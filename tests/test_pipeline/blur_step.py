"""A step as a stranger writes it: pseudo labels from blurred soft CAMs.

Nothing imports this module but the ``custom_imports`` of a config.
"""
import cv2
import numpy as np

from hsc_mm.pipeline import Outcome, ScoreRow, Step
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.registry import STEPS
from hsc_mm.utils import voc_palette, write_index_png


def blurred_label(path, size, threshold):
    """Return the label of a soft CAM, (H, W) mask indices."""
    cam, classes = read_soft_cam(path)
    if not len(classes):
        return np.zeros(cam.shape[1:], np.uint8)
    cam = np.stack([cv2.blur(c.astype(np.float32), (size, size)) for c in cam])
    return np.where(cam.max(0) > threshold, classes[cam.argmax(0)], 0)


@STEPS.register_module()
class BlurSeeds(Step):
    """Read the soft CAMs of a step, write pseudo labels."""
    name = 'blur'
    makes = ('pseudo_labels', )

    def __init__(self, size=3, threshold=0.3, labels=None, **kwargs):
        super().__init__(**kwargs)
        self.size, self.threshold, self.labels = size, threshold, labels

    def check(self, ctx):
        ctx.find('pseudo_labels', self.labels)

    def inputs(self, ctx):
        source = ctx.find('pseudo_labels', self.labels)
        return dict(labels=ctx.identity(source.name))

    def run(self, ctx, resumable):
        folder = ctx.root / self.folder
        for path in sorted(ctx.pseudo_labels(self.labels).glob('*.npz')):
            out = folder / f'{path.stem}.png'
            if not out.is_file():
                label = blurred_label(path, self.size, self.threshold)
                write_index_png(out, label, voc_palette())
        return Outcome([folder], ctx.score_labels(folder))

    def rows(self, result):
        return ScoreRow.of('blurred seeds', result)
