import numpy as np
import torch

from hsc_mm.evaluation.mask_files import write_mask
from hsc_mm.utils import read_index_png


def _sample(seed, **meta):
    return dict(img_path='p/a.jpg',
                pred_sem_seg=dict(data=torch.tensor([seed])), **meta)


def test_indices_are_those_of_the_masks_on_disk(tmp_path):
    seed = [[0, 1], [2, 0]]
    write_mask(str(tmp_path), _sample(seed, img_id='sub/b'),
               dict(label_map={0: 0, 3: 255, 8: 1, 12: 2}))
    assert read_index_png(tmp_path / 'sub' / 'b.png').tolist() == \
        [[0, 8], [12, 0]]
    write_mask(str(tmp_path), _sample(seed), {})
    assert read_index_png(tmp_path / 'a.png').tolist() == seed
    # Data sets of mmseg whose index 0 is "other".
    write_mask(str(tmp_path), _sample(seed, reduce_zero_label=True), {})
    assert np.array_equal(read_index_png(tmp_path / 'a.png'),
                          np.array(seed) + 1)
