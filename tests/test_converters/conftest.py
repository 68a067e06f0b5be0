"""Projects with masks for annotation tools, and seeds to import."""
import importlib
import sys

import numpy as np
import pytest
from mmengine.config import Config
from seed_maps import IDS
from tiny_configs import ROOT, cam_config

from hsc_mm.cli import common as cli
from hsc_mm.utils import read_index_png, read_json, voc_palette
from hsc_mm.utils.images import write_index_png

MASK_INDEX = dict(cat=8, dog=12)
TOOL = ROOT / 'tools' / 'import_seeds.py'


@pytest.fixture(scope='module')
def tool():
    """The tool as a module."""
    return importlib.import_module(
        'hsc_converters.commands.import_seeds_command')


@pytest.fixture(scope='module')
def config(tmp_path_factory, shared_voc):
    """A config of the CAM stage."""
    return cam_config(shared_voc, tmp_path_factory.mktemp('seeds') / 'cam.py')


@pytest.fixture
def bring(tool, config, monkeypatch, tmp_path):
    """Call the tool's main on a folder; return its exit status."""

    def call(source, *arguments, out=tmp_path / 'out', config=config) -> int:
        monkeypatch.setattr(sys, 'argv', [
            str(TOOL), str(source), '--config', str(config), '--out', str(out),
            *map(str, arguments)
        ])
        return cli.run(tool.main)

    return call


@pytest.fixture(scope='module')
def maps(shared_voc):
    """Image id -> mask index -> map in [0, 1] of the image's size."""
    rng = np.random.default_rng(0)
    labels = read_json(shared_voc / 'image_labels.json')['images']
    found = {}
    for img_id in IDS:
        truth = read_index_png(
            shared_voc / 'SegmentationClass' / f'{img_id}.png')
        found[img_id] = {
            MASK_INDEX[name]: np.clip(
                0.6 * (truth == MASK_INDEX[name]) +
                0.4 * rng.random(truth.shape), 0, 1).astype(np.float32)
            for name in labels[img_id]
        }
    return found


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
