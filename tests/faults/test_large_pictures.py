"""A picture of 400 megapixels in one gigabyte."""
import os
import subprocess
import sys

import pytest
from format_pictures import write_picture
from PIL import Image
from tiny_configs import ROOT, cam_config

pytest.importorskip('rasterio')

_SCRIPT = """
import resource, sys, torch
from mmengine.config import Config
from mmengine.model import BaseModule
from torch import nn
from hsc_mm.registry import MODELS
from hsc_mm.inference.inferencer import HSCInferencer
from hsc_mm.tiles import Tiles

@MODELS.register_module()
class Patches(BaseModule):
    def __init__(self, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 16, 16)
    def forward(self, x):
        return (self.conv(x).relu(), )

torch.manual_seed(0)
config, picture, out, limit = sys.argv[1:]
cfg = Config.fromfile(config)
cfg.model.backbone = dict(type='hsc_mm.Patches')
cfg.model.decode_head.update(in_channels=8, in_index=0)
cfg.test_dataloader.dataset.pipeline = [
    s for s in cfg.test_dataloader.dataset.pipeline if s.type != 'Resize']
cfg.model.test_cfg.score_thr = 0
from mmengine.registry import init_default_scope
init_default_scope('mmseg')
state = MODELS.build(cfg.model).state_dict()
torch.save(dict(state_dict=state, meta=dict(dataset_meta=dict(
    classes=('background', 'cat', 'dog')))), out + '.pth')
model = HSCInferencer(cfg, out + '.pth', device='cpu', tiles=Tiles())
import hsc_mm.inference.tiled, rasterio, rasterio.windows
with open('/proc/self/status') as file:
    used = next(int(l.split()[1]) for l in file if l.startswith('VmData'))
most = used * 1024 + int(limit) * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
result, = model(picture, out_dir=out)
assert result['error'] is None, result['error']
print(result['classes'], result['step'], result['mask'].shape)
"""


@pytest.mark.campaign
def test_twenty_thousand_pixels_a_side_in_a_gigabyte(shared_voc, tmp_path,
                                                     monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', None)
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    write_picture(tmp_path / 'a.tif', 20000)
    run = subprocess.run(
        [sys.executable, '-c', _SCRIPT, config, tmp_path / 'a.tif',
         tmp_path / 'out', '1000'], capture_output=True, text=True,
        cwd=ROOT, env=dict(os.environ, PYTHONPATH=str(ROOT),
                           OMP_NUM_THREADS='1'))
    assert run.returncode == 0, run.stderr[-2000:]
    assert '20 (1000, 1000)' in run.stdout
    assert Image.open(tmp_path / 'out' / 'a.mask.png').size == (20000, 20000)
