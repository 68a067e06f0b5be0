"""Projects of which masks go to annotation tools and come back."""
import numpy as np
import pytest
from mmengine.config import Config

from hsc_mm.utils import read_index_png, voc_palette
from hsc_mm.utils.images import write_index_png


@pytest.fixture
def project(voc_root):
    """A config, a folder of pseudo labels, and its masks."""
    path = voc_root / 'config.py'
    path.write_text(f"""
model = dict(type='hsc_mm.CAMSegmentor')
train_dataloader = dict(dataset=dict(
    type='hsc_mm.ImageLabelDataset', data_root={str(voc_root)!r},
    label_file='image_labels.json', data_prefix=dict(img_path='JPEGImages')))
""")
    masks = {}
    for number in range(8):
        name = f'img_{number:02d}'
        mask = read_index_png(voc_root / 'SegmentationClass' / f'{name}.png')
        masks[name] = np.select([mask == 8, mask == 12, mask == 255],
                                [1, 2, 255], 0).astype(np.uint8)
        write_index_png(voc_root / 'pseudo' / f'{name}.png', masks[name],
                        voc_palette())
    return Config.fromfile(path), voc_root, masks
