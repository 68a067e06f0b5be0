"""Tasks of Label Studio: the code of its brush, and what was submitted."""
import json
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from exchange_masks import NAMES, edit, items, noisy

from hsc_converters.exchange import (
    ExportOptions,
    ImportOptions,
    export_masks,
    import_masks,
)
from hsc_converters.exchange.brush import decode_brush, encode_brush
from hsc_converters.exchange.formats import FORMATS
from hsc_mm.utils import read_index_png, read_json, write_json

#: What Label Studio's own encoder makes of ``GOLDEN``, recorded by
#: label_studio_sdk 2.1.2: ``brush.mask2rle``.
GOLDEN = np.array([[0, 1, 1, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1]])
GOLDEN_CODE = [0, 0, 0, 60, 57, 27, 252, 96, 19, 255, 225, 112, 12, 47, 254]


def test_brush_code_is_that_of_label_studio():
    assert encode_brush(GOLDEN.astype(bool)) == GOLDEN_CODE
    for seed in range(4):
        mask = noisy(seed) == 1
        assert np.array_equal(decode_brush(encode_brush(mask), 13, 17), mask)
    wide = np.zeros((2, 70000), bool)    # runs longer than a code has bits
    wide[1, 5:] = True
    assert np.array_equal(decode_brush(encode_brush(wide), 2, 70000), wide)
    # A run of single values, as the brush itself writes soft rims.
    bits = f'{8:032b}{7:05b}' + '0010001101111111' + '0' + '00' + '111' + (
        ''.join(f'{v:08b}' for v in (9, 9, 9, 127, 9, 9, 9, 128)))
    code = [int(bits[i:i + 8].ljust(8, '0'), 2)
            for i in range(0, len(bits), 8)]
    assert decode_brush(code, 1, 2).tolist() == [[False, True]]
    for broken in (code[:-2], [], [1, 2, 300], code[:7]):
        with pytest.raises(ValueError, match='expected'):
            decode_brush(broken, 1, 2)
    with pytest.raises(ValueError, match='RGBA of 3 x 1 pixels, found 8'):
        decode_brush(code, 1, 3)


def test_label_studio_finds_a_picture_of_any_name(tmp_path):
    picture = 'images/cat & dog/a#1 + 50%25.jpg'
    item = items()[0]._replace(picture=picture)
    path = FORMATS['label-studio'][0](tmp_path, [item], NAMES)[0]
    task, = read_json(path)
    url = urlsplit(task['data']['image'])
    assert parse_qs(url.query) == dict(d=[picture])
    del task['data']['img_id']
    task['annotations'] = task.pop('predictions')
    path.write_text(json.dumps([task]))
    (name, _), = FORMATS['label-studio'][1](path, NAMES)
    assert name == 'cat & dog/a#1 + 50%25'


def test_label_studios_own_decoder_sees_the_same(tmp_path):
    brush = pytest.importorskip('label_studio_sdk.converter.brush')
    assert brush.mask2rle(GOLDEN.astype(np.uint8) * 255) == GOLDEN_CODE
    path = FORMATS['label-studio'][0](tmp_path, items(), NAMES)[0]
    for task, item in zip(read_json(path), items()):
        found = np.zeros(item.mask.shape, np.uint8)
        for one in task['predictions'][0]['result']:
            layers = brush.decode_from_annotation('mask', [
                {**one, **one['value']}])
            found[next(iter(layers.values())) > 0] = NAMES.foreground[
                one['value']['brushlabels'][0]]
        assert np.array_equal(found, item.mask)


def test_only_what_a_person_submitted_counts_in_label_studio(
        project, tmp_path):
    cfg, root, masks = project
    out = tmp_path / 'out'
    export_masks(cfg, root / 'pseudo', out, ExportOptions('label-studio'))
    path = out / 'tasks.json'
    with pytest.raises(ValueError, match='tasks without an annotation'):
        import_masks(cfg, path, tmp_path / 'trusted')

    def submit(tasks):
        for number, task in enumerate(tasks[:3]):
            result = task['predictions'][0]['result']
            task['annotations'] = [
                dict(result=result, updated_at='2024-02-01',
                     was_cancelled=number == 1),
                dict(result=[], updated_at='2024-01-01',
                     was_cancelled=number == 1)]
        del tasks[2]['data']['img_id']      # then the name of the picture
    edit(path, submit)
    names = [one['data'].get('img_id') for one in read_json(path)]
    found = import_masks(cfg, path, tmp_path / 'trusted')
    assert len(found.written) == 2 and not found.refused
    assert found.written[0] == names[0] and names[1] not in found.written
    for name in found.written:
        assert np.array_equal(
            read_index_png(tmp_path / 'trusted' / f'{name}.png'),
            masks[name])

    def outline(tasks):
        tasks[0]['annotations'][0]['result'] = [dict(
            type='polygonlabels', value=dict(points=[]))]
    edit(path, outline)
    found = import_masks(cfg, path, tmp_path / 'other')
    assert 'regions of the brush, with one label each, found polygonl' in (
        found.refused[0])
    brush = dict(type='brushlabels', value=dict(rle=[], brushlabels=5))
    for wrong in (5, [5], [dict(brush, value=5)], [brush]):
        content = read_json(path)
        content[0]['annotations'][0]['result'] = wrong
        path.write_text(json.dumps(content))
        found = import_masks(cfg, path, tmp_path / 'wrong')
        assert ': expected ' in found.refused[0]
    content[0]['annotations'] = 5
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='a list of tasks'):
        import_masks(cfg, path, tmp_path / 'wrong')


def test_the_last_annotation_counts_in_several_tasks(project, tmp_path):
    cfg, root, masks = project
    export_masks(cfg, root / 'pseudo', tmp_path / 'out',
                 ExportOptions('label-studio', first=2))
    path = tmp_path / 'out' / 'tasks.json'
    first, second = read_json(path)
    good = first['predictions'][0]['result']
    wanted = first['data']['img_id']

    def take(*tasks):
        write_json(path, [
            dict(second, annotations=second['predictions']),
            *(dict(data=data, annotations=[dict(result=result, **date)])
              for data, result, date in tasks)])
        out = tmp_path / str(len([*tmp_path.iterdir()]))
        found = import_masks(cfg, path, out, ImportOptions(
            accept_labels=True, replace=True))
        assert second['data']['img_id'] in found.written
        file = out / f'{wanted}.png'
        return read_index_png(file) if file.is_file() else found.refused[0]

    old, new = dict(updated_at='2024-01-01'), dict(updated_at='2024-05-01')
    by_picture = dict(image=first['data']['image'])
    for data in (first['data'], by_picture):
        for tasks in ([(data, good, new), (first['data'], [], old)],
                      [(first['data'], [], old), (data, good, new)]):
            assert np.array_equal(take(*tasks), masks[wanted])
    assert np.array_equal(take((by_picture, good, new), (
        by_picture, good, new)), masks[wanted])
    assert f'{wanted}: expected one annotation that was updated last, found ' \
        '2 of "updated_at" None.' in take(
            (by_picture, good, {}), (by_picture, [], {}))


def test_tasks_of_a_local_storage_on_windows_are_found(tmp_path):
    item = items()[0]._replace(img_id='cat/1', picture='cat/1.jpg')
    path = FORMATS['label-studio'][0](tmp_path, [item], NAMES)[0]
    task, = read_json(path)
    task['data'] = dict(image='/data/local-files/?d=images%5Ccat%5C1.jpg')
    task['annotations'] = task.pop('predictions')
    path.write_text(json.dumps([task]))
    (name, read), = FORMATS['label-studio'][1](path, NAMES, ['cat/1'])
    assert name == 'cat/1'
    assert np.array_equal(read(item.mask.shape), item.mask)
