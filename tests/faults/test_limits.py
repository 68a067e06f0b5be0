"""What would hang, or use up memory, is refused with the option's name."""
import json
import os
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from tiny_configs import cam_config

from hsc_mm.cli import run_command
from hsc_mm.datasets.checks import check_files
from hsc_mm.datasets.coco_annotations import parse_instances
from hsc_mm.datasets.labels import read_voc_xml
from hsc_mm.pseudo_labels.files import check_label, read_soft_cam
from hsc_mm.registry import RUNNERS
from hsc_mm.utils import (
    image_shapes,
    read_image,
    read_index_png,
    read_text,
)
from hsc_mm.utils.limits import (
    MEGAPIXELS,
    check_pixels,
    most_pixels,
    most_workers,
)


def png_of_size(path, width, height):
    """Write a small PNG whose header promises a large picture."""
    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data +
                struct.pack('>I', zlib.crc32(kind + data)))

    path.write_bytes(
        b'\x89PNG\r\n\x1a\n' +
        chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)) +
        chunk(b'IDAT', zlib.compress(bytes(1000))) + chunk(b'IEND', b''))
    return path


READERS = dict(
    text=read_text, xml=read_voc_xml, image=read_image, mask=read_index_png,
    header=image_shapes,
    check=lambda path: (_ for _ in ()).throw(
        ValueError(*check_files(str(path), {}))))


@pytest.mark.parametrize('reader', [*READERS][2:])
@pytest.mark.parametrize('size', [(60000, 60000), (15000, 14000)])
def test_pictures_above_the_limit(tmp_path, reader, size):
    path = png_of_size(tmp_path / 'bomb.png', *size)
    with pytest.raises(ValueError, match=f'bomb.png: .*{MEGAPIXELS}'):
        READERS[reader](path)


@pytest.mark.parametrize('reader', READERS)
@pytest.mark.parametrize('kind', ['pipe', 'device', 'folder'])
def test_what_is_no_file_is_not_read(tmp_path, reader, kind):
    path = tmp_path / 'a.png'
    if kind == 'pipe':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    else:
        path.symlink_to('/dev/zero')
    with pytest.raises(ValueError, match=f'a.png: .* found a {kind}'):
        READERS[reader](path)


def test_the_limit_can_be_set(tmp_path, monkeypatch):
    path = tmp_path / 'a.png'
    Image.new('L', (100, 100)).save(path)
    monkeypatch.setenv(MEGAPIXELS, '0.001')
    with pytest.raises(ValueError, match=r'limit of 0\.001 megapixels'):
        read_image(path)
    monkeypatch.setenv(MEGAPIXELS, '0.01')
    assert read_image(path).shape == (100, 100, 3)
    monkeypatch.setenv(MEGAPIXELS, '5000')
    check_pixels('x', 60000, 60000)
    for text in ('x', '-1', '0', 'nan'):
        monkeypatch.setenv(MEGAPIXELS, text)
        with pytest.raises(ValueError, match=MEGAPIXELS):
            most_pixels()


@pytest.mark.parametrize(('name', 'shape'), [
    ('cam', (1, 30000, 60000)), ('cam', (10**6, 200, 200)),
    ('classes', (10**9, )), ('cam', (10**9, ))])
def test_archives_that_swell(tmp_path, name, shape):
    path = tmp_path / 'a.npz'
    head = np.lib.format
    with zipfile.ZipFile(path, 'w') as archive:
        for one, found in (('cam', (1, 2, 2)), ('classes', (1, ))):
            with archive.open(f'{one}.npy', 'w') as file:
                head.write_array_header_1_0(file, dict(
                    descr='<f4' if one == 'cam' else '<i8',
                    fortran_order=False,
                    shape=shape if one == name else found))
                file.write(bytes(64))
    for read in (read_soft_cam, check_label):
        with pytest.raises(ValueError, match=r'a\.npz'):
            read(path)


@pytest.mark.parametrize('size', [200000, 0, -3])
def test_sizes_of_coco(size):
    content = dict(
        categories=[dict(id=1, name='cat')], annotations=[],
        images=[dict(id=1, file_name='a.jpg', height=size, width=size)])
    with pytest.raises(ValueError, match=r'x\.json: image a\.jpg: '):
        parse_instances(json.loads(json.dumps(content)), 'x.json')


def test_processes_that_stop_the_machine(shared_voc, tmp_path, monkeypatch,
                                         capsys):
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    for command, *rest in (
            ('make_pseudo_labels', config, config, '--out', 'x'),
            ('import_seeds', 'x', '--config', config, '--out', 'x'),
            ('prepare_coco', '--root', tmp_path)):
        for count in ('99999', '-1', 'x'):
            monkeypatch.setattr(sys, 'argv', list(map(str, [
                command, *rest, '--workers', count])))
            with pytest.raises(SystemExit):
                run_command(command)
            assert '--workers: ' in capsys.readouterr().err
    cfg = Config.fromfile(config)
    cfg.work_dir = str(tmp_path / 'w')
    cfg.train_dataloader.num_workers = most_workers() + 1
    with pytest.raises(ValueError, match=r'train_dataloader\.num_workers'):
        RUNNERS.build(cfg)
