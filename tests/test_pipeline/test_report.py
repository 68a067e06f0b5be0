"""The page of the report: its markup, and what a browser does with it."""
import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
from html.parser import HTMLParser
from io import BytesIO

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from hsc_mm.cli.common import DictAction
from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.pipeline.command import pipeline_command, shown_path
from hsc_mm.pipeline.context import Context
from hsc_mm.pipeline.gallery import validation_pictures
from hsc_mm.pipeline.report import Gallery, ReportContent, write_report
from hsc_mm.pipeline.step import BACKGROUND, ScoreRow
from hsc_mm.pipeline.steps import WriteReport, report
from hsc_mm.pipeline.summary import (
    PipelineResults,
    background_rows,
    class_table,
    no_better,
)
from hsc_mm.utils import voc_palette, write_index_png
from hsc_mm.visualization.layers import Picture

BAD, RED = '<script>document.title="x"</script>', '[red]&"\''
CLASSES = ['background', BAD, RED]
CHROMIUM = next(filter(None, map(shutil.which, (
    'chromium', 'chromium-browser', 'google-chrome'))), None)


class Page(HTMLParser):
    """Elements of a page, and the text directly in each."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), []))
        self.open.append(self.found[-1])

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self.open and data.strip():
            self.open[-1][2].append(data.strip())

    def all(self, tag, **wanted):
        return [(attrs, ' '.join(text)) for name, attrs, text in self.found
                if name == tag and wanted.items() <= attrs.items()]


def _encoded(colour, kind):
    image = np.full((4, 6, 3), colour, np.uint8)
    return cv2.imencode(kind, image)[1].tobytes()


def _content(**changes):
    rows = [
        ScoreRow(BACKGROUND, 'val', 30.0, [90.0, 0.0, None], CLASSES),
        ScoreRow(f'seeds of {BAD}', 'val', 29.0, [80, 10, None], CLASSES, .4),
        ScoreRow('segmentation', 'val', 52.5, [91.0, 14.0, 9.5], CLASSES),
    ]
    pictures = [
        Picture(f'{name} {BAD}', [name], _encoded(9 * i, '.jpg'), (6, 4),
                dict(CAM=_encoded(99, '.png'), label=_encoded(50, '.png')),
                score) for i, (name, score) in enumerate([
                    (RED, 10.0), (BAD, 20.0), (RED, 30.0)])
    ]
    point = dict(threshold=0.3, mIoU=40.0)
    curve = dict(thresholds=[.3, .4], mIoU=[40., 45.], over=[20., 15.],
                 under=[40., None])
    content = dict(
        summary=f'Trained from {BAD}', headline=rows[2],
        colours=dict(zip(CLASSES, [(0, 0, 0), (9, 8, 7), (6, 5, 4)])),
        rows=rows, seeds=dict(seeds=dict(own=point, best=point, curve=curve)),
        seconds={BAD: 3.2}, galleries=[Gallery(RED, BAD, pictures)],
        command=['hsc_mm', BAD], facts={'work dir': BAD, 'versions': RED})
    return ReportContent(**{**content, **changes})


def _write(folder, **changes):
    path = folder / 'report' / 'index.html'
    path.parent.mkdir(parents=True)
    write_report(_content(**changes), path)
    return path.read_text()


def test_names_are_data_and_nothing_is_fetched(tmp_path):
    text = _write(tmp_path)
    page = Page(text)
    assert len(page.all('script')) == 1
    assert 'document.title="x"' not in page.all('script')[0][1]
    assert [name for _, name in page.all('option')[1:3]] == CLASSES[1:]
    assert page.all('h1')[0][1] == f'Trained from {BAD}'
    cards = page.all('article')
    assert json.loads(cards[0][0]['data-classes']) == [RED]
    assert json.loads(cards[1][0]['data-classes']) == [BAD]
    for _, attrs, _ in page.found:
        for key in ('src', 'href'):
            assert attrs.get(key, '#').startswith(('data:image/', '#'))
    assert not re.search(r'url\((?!\'data:)|@import|https?:', text)
    policy = page.all('meta', **{
        'http-equiv': 'Content-Security-Policy'})[0][0]['content']
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_pictures_have_classes_as_the_filter_spells_them(tmp_path):
    picture = _content().galleries[0].pictures[0]
    other = picture._replace(classes=[RED.upper(), 'of no filter'])
    page = Page(_write(tmp_path, galleries=[Gallery('t', 'n', [other])]))
    card, = page.all('article')
    assert json.loads(card[0]['data-classes']) == [RED, 'of no filter']


def test_the_table_of_scores_can_be_sorted(tmp_path):
    page = Page(_write(tmp_path))
    heads = page.all('th', scope='col')
    sortable = [attrs for attrs, _ in heads if 'aria-sort' in attrs]
    assert [attrs['aria-sort'] for attrs in sortable] == ['none'] * 7
    names = [name for _, name in page.all('button')]
    assert names[:7] == ['what', 'split', 'threshold', 'mean', *CLASSES]
    assert page.all('th', scope='row')[0][1] == BACKGROUND
    assert len(page.all('tr', **{'class': 'low'})) == 1
    cells = [text for attrs, text in page.all('td')
             if 'num' in attrs.get('class', '')]
    assert cells[:15] == ['-', '30.0', '90.0', '0.0', '-', '0.4', '29.0',
                          '80.0', '10.0', '-', '-', '52.5', '91.0', '14.0',
                          '9.5']


def test_false_pixels_have_a_column_where_there_are_some(tmp_path):
    rows = _content().rows
    rows[2] = rows[2]._replace(false_pixels=7.25)
    page = Page(_write(tmp_path, rows=rows))
    assert [name for _, name in page.all('button')][4] == 'false pixels'
    cells = [text for attrs, text in page.all('td')
             if 'num' in attrs.get('class', '')]
    assert [cells[2], cells[8], cells[14]] == ['-', '-', '7.2']


def test_every_picture_is_there_once_and_has_words(tmp_path):
    text = _write(tmp_path)
    page = Page(text)
    assert text.count('data:image/jpeg;base64,') == 3
    layers = [attrs for attrs, _ in page.all('img', loading='lazy')]
    assert len(layers) == text.count('data:image/png;base64,') == 6
    assert layers[0]['alt'] == f'CAM of {RED} {BAD}: {RED}'
    for tag in ('input', 'select'):
        assert page.all(tag)
        assert text.count(f'<{tag}') == len(
            re.findall(rf'<label>[^<]+<{tag}', text))
    levels = [tag for tag, _, _ in page.found if re.fullmatch('h[1-6]', tag)]
    assert levels.count('h1') == 1 and levels[0] == 'h1'
    assert {attrs.get('scope') for attrs, name in page.all('th') if name
            } == {'col', 'row'}
    known = {attrs['id'] for _, attrs, _ in page.found if 'id' in attrs}
    for attrs, _ in page.all('a'):
        assert attrs['href'][1:] in known
    for _, attrs, _ in page.found:
        assert attrs.get('aria-labelledby', 'scores') in known


def test_what_must_be_known_stands_before_the_scores(tmp_path):
    text = _write(tmp_path, warnings=[
        'cam: <b>broke</b>', *no_better(_content().rows)])
    page = Page(text)
    items = [name for _, name in page.all('li')]
    assert items[0] == 'cam: <b>broke</b>'
    assert items[1].startswith(f'seeds of {BAD} (threshold 0.4): a mean IoU '
                               'of 29.0 on val is no better than')
    assert text.index('Read this first') < text.index('id="scores"')
    assert 'segmentation: a mean' not in text
    bare = _write(tmp_path / 'bare', rows=[], headline=None, seeds={},
                  galleries=[], warnings=['nothing was scored.'])
    assert 'nothing was scored.' in [n for _, n in Page(bare).all('li')]
    assert 'No masks: nothing was scored' in bare
    assert '<table class="sortable">' not in bare
    assert 'Read this first' not in _write(
        tmp_path / 'calm', rows=_content().rows[2:])


def test_every_split_has_a_score_to_beat():
    rows = _content().rows
    result = dict(background_only=dict(mIoU=31.0, iou=[93.0, 0.0, 0.0]),
                  split='test', classes=CLASSES)
    low = background_rows(rows, [{}, result, result])
    assert [(row.what, row.split, row.miou) for row in low] == [
        (BACKGROUND, 'test', 31.0)]
    assert background_rows([*rows, *low], [result]) == []
    bad = ScoreRow('segmentation', 'test', 31.0, [93.0, 0, 0], CLASSES)
    assert no_better([bad]) == no_better([bad, rows[0]]) == []
    assert no_better([bad, *low]) == [
        'segmentation: a mean IoU of 31.0 on test is no better than that of '
        'background everywhere, 31.0. Its masks are unusable.']
    near, = no_better([bad._replace(miou=31.4), *low])
    assert 'of 31.4 on test is hardly better than that of' in near
    assert no_better([bad._replace(miou=31.5), *low]) == []
    table = PipelineResults(dict(own=dict(facts=dict(split='val'))), {},
                            [bad], background=low).table()
    assert 'own:' not in table
    assert re.search(f'{BACKGROUND} +│ test  │ 31.0', table)


def test_lists_of_one_name_have_their_own_scores_to_beat(tmp_path):
    rows = [one._replace(images=8) for one in _content().rows]
    rows[2] = rows[2]._replace(images=5, miou=40.0)
    result = dict(background_only=dict(mIoU=45.0, iou=[93.0, 0.0, 0.0]),
                  split='val', classes=CLASSES, images=5)
    seeds = dict(background_only=dict(mIoU=31.0, iou=[93.0, 0.0, 0.0]),
                 facts=dict(split='val', images=3), classes=CLASSES)
    # A baseline has no row of its own, and may be scored on another list.
    low = background_rows(rows, [result, dict(result, images=8), seeds])
    assert [(one.images, one.miou) for one in low] == [(5, 45.0), (3, 31.0)]
    line, = no_better([*rows[2:], rows[0], *low])
    assert '40.0 on val (5 images) is no better than' in line
    table = PipelineResults({}, {}, rows, background=low).table()
    for images, miou in ((8, 30.0), (5, 45.0), (3, 31.0)):
        assert re.search(
            rf'{BACKGROUND} +│ val \({images} images\) +│ {miou}', table)
    page = _write(tmp_path, rows=[*rows, *low], headline=rows[2])
    assert page.count('<td>val (5 images)</td>') == 2
    assert 'segmentation, val (5 images) split</span>' in page
    assert f'<span>{BACKGROUND}: 45.0</span>' in page
    assert re.search(r'class="first">\s*<th scope="row">segmentation', page)
    assert '(' not in PipelineResults({}, {}, rows[:1]).table()


def test_spellings_of_a_class_are_one_column():
    rows = [ScoreRow(what, 'val', 40.0, iou, classes) for what, iou, classes in
            (('a', [1, 2], ['Cat', 'dog']), ('b', [3, 4], ['DOG', 'cat']))]
    assert class_table(rows) == (['Cat', 'dog'], [[1, 2], [4, 3]])


def test_validation_pictures_begin_with_the_worst(voc_root, tmp_path):
    data = VOCImageLabelDataset(
        data_root=str(voc_root), ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'), test_mode=True,
        metainfo=dict(classes=('background', 'cat', 'dog')))
    folder = shutil.copytree(voc_root / 'SegmentationClass', tmp_path / 'out')
    write_index_png(folder / 'img_05.png', np.full((48, 64), 12, np.uint8),
                    voc_palette())
    found = validation_pictures(data, str(folder))
    assert len(found) == 8
    assert found[0].name == 'img_05' and found[0].classes == ['cat', 'dog']
    assert [one.score for one in found] == sorted(o.score for o in found)
    few = validation_pictures(data, str(folder), 3)
    assert [one.name for one in few] == [found[0].name, found[1].name,
                                         found[7].name]
    assert list(found[0].layers) == ['ground truth', 'prediction']
    layer = Image.open(BytesIO(found[0].layers['prediction'])).convert('RGBA')
    assert layer.size == found[0].size == (64, 48)
    assert (np.array(layer) == [*voc_palette()[12], 255]).all()
    layer = Image.open(BytesIO(found[0].layers['ground truth']))
    assert set(np.array(layer.convert('RGBA'))[..., 3].flat) == {0, 255}
    # A large photograph does not make a large page.
    for kind, suffix in (('JPEGImages', 'jpg'), ('SegmentationClass', 'png')):
        path = voc_root / kind / f'img_00.{suffix}'
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if kind == 'JPEGImages':
            cv2.imwrite(str(path), cv2.resize(image, (1200, 1680)))
        else:
            large = Image.open(path).resize((1200, 1680), Image.NEAREST)
            write_index_png(path, np.array(large), voc_palette())
    shutil.copy(voc_root / 'SegmentationClass' / 'img_00.png', folder)
    large = next(one for one in validation_pictures(data, str(folder))
                 if one.name == 'img_00')
    assert large.size == (400, 560)
    assert Image.open(BytesIO(large.photo)).size == large.size


ACTIONS = """<script>{
const found = {};
const names = () => [...document.querySelectorAll('tbody')[0].rows]
  .map(row => row.children[3].textContent);
const press = (what, key) => what.dispatchEvent(
  new KeyboardEvent('keydown', {key, bubbles: true}));
const heads = document.querySelectorAll('.sortable th button');
heads[3].click(); found.down = names();
found.sorted = heads[3].parentNode.getAttribute('aria-sort');
heads[3].click(); found.up = names();
const select = document.getElementById('class');
select.value = select.options[1].value;
select.dispatchEvent(new Event('change'));
found.shown = document.getElementById('shown').textContent;
select.value = ''; select.dispatchEvent(new Event('change'));
const order = document.getElementById('order');
order.value = '-1'; order.dispatchEvent(new Event('change'));
found.best = document.querySelector('.card').dataset.score;
const large = document.getElementById('large');
document.querySelectorAll('.card .tile')[1].click();
found.open = large.open;
const title = () => document.getElementById('large-title').textContent;
const layer = () => large.querySelector('[aria-pressed=true]').textContent;
found.first = [title(), layer()];
press(large, 'ArrowRight'); press(large, 'ArrowDown');
found.next = [title(), layer()];
const slider = large.querySelector('input');
slider.value = 20; slider.dispatchEvent(new Event('input'));
found.alpha = getComputedStyle(document.querySelector('.tile img')).opacity;
found.wide = document.documentElement.scrollWidth > innerWidth;
found.width = innerWidth; found.title = document.title;
large.close();
large.dispatchEvent(new Event('close'));  // that of close() comes later
found.focus = document.activeElement.className;
document.body.dataset.found = JSON.stringify(found);
}</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium on this machine')
def test_a_browser_sorts_filters_and_opens_pictures(tmp_path):
    page = tmp_path / 'acted.html'
    page.write_text(_write(tmp_path).replace('</body>', ACTIONS))
    done = subprocess.run(
        [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu',
         '--no-first-run', '--disable-background-networking',
         f'--user-data-dir={tmp_path / "profile"}', '--window-size=420,900',
         '--dump-dom', page.as_uri()],
        capture_output=True, text=True, timeout=120)
    found = json.loads(Page(done.stdout).all('body')[0][0]['data-found'])
    assert found['down'] == ['52.5', '30.0', '29.0']
    assert found['sorted'] == 'descending'
    assert found['up'] == found['down'][::-1]
    assert found['shown'] == '1 of 3 pictures'
    assert found['best'] == '30.0'
    assert found['open'] is True
    assert found['first'] == [f'{RED} {BAD}: {RED} (IoU 30.0)', 'CAM']
    assert found['next'] == [f'{BAD} {BAD}: {BAD} (IoU 20.0)', 'label']
    assert float(found['alpha']) == pytest.approx(0.2)
    assert not found['wide'] and found['width'] <= 500
    assert found['title'].startswith('hsc_mm report')
    assert found['focus'] == 'tile'


def test_the_command_in_the_report_has_the_options(tmp_path):
    ctx = Context(tmp_path, Config({}, filename=__file__))
    assert '-options' not in ' '.join(pipeline_command(ctx, ()))
    options = {'train_cfg.max_iters': 4, 'work_dir': 'a', 'x': [1, 0.5],
               'names': ['a', 'b'], 'grid': (16, 16), 'refiner': None,
               'data_root': 'my pictures/of cats', 'flag': True}
    ctx.options = dict(cam=options)
    parser = argparse.ArgumentParser()
    parser.add_argument('--cam-options', nargs='+', action=DictAction)
    words = shlex.split(pipeline_command(ctx, ())[-1])
    assert parser.parse_args(words).cam_options == options


@pytest.mark.parametrize(('given', 'shown'), [
    ('a.py', 'a.py'), ('{here}/my configs/a.py', "'my configs/a.py'"),
    ('../configs/a.py', '../configs/a.py'), ('..', '..'), ('.', '.'),
    ('../../other/a.py', '../../other/a.py'), ('-a.py', './-a.py'),
    ('{home}/b/my a.py', "~/'b/my a.py'"), ('../../../b/a.py', '~/b/a.py'),
    ('/data/its own/a.py', "'/data/its own/a.py'"),
    ('../../../../other/a.py', '../../../../other/a.py')])
def test_paths_in_the_report_lead_to_the_same_files(
        tmp_path, monkeypatch, given, shown):
    home = tmp_path / 'me'
    here = home / 'work' / 'hsc' / 'here'
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv('HOME', str(home))
    path = given.format(here=here, home=home)
    assert shown_path(path) == shown
    said = subprocess.run(['sh', '-c', f'printf %s {shown}'],
                          capture_output=True, text=True, check=True).stdout
    assert os.path.abspath(said) == os.path.abspath(path)


def test_the_command_in_the_report_runs_where_it_was_given(
        tmp_path, monkeypatch):
    here = tmp_path / 'here'
    here.mkdir()
    monkeypatch.chdir(here)
    paths = [tmp_path / f'{name} .py' for name in ('cam', 'seg')]
    for path in paths:
        path.touch()
    cfg = [Config({}, filename=str(path)) for path in paths]
    ctx = Context('../out', *cfg, select='../few.txt')
    monkeypatch.setenv('HSC_MM_TRUST_CHECKPOINT', '1')
    words = pipeline_command(ctx, [str(here / 'b.py')])
    assert shlex.split(' '.join(words))[4:] == [
        '../cam .py', '../seg .py', '--work-dir', '../out',
        '--baseline', 'b.py', '--select-list', '../few.txt',
        '--trust-checkpoint']


def test_the_command_in_the_report_has_the_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    masks = tmp_path / 'my masks'
    masks.mkdir()
    path = tmp_path / 'seg.py'
    path.write_text('a = r"""{{$TRUSTED_DIR:none}}"""\n'
                    'b = "{{$PSEUDO_DIR:x}}"\nc = "{{$DEPTH:18}}"\n'
                    'd = "{{$UNSET_HERE:1}}"\n')
    monkeypatch.setenv('PSEUDO_DIR', 'labels')
    monkeypatch.setenv('DEPTH', '5 0')
    monkeypatch.setenv('TRUSTED_DIR', str(masks))
    ctx = Context(tmp_path, Config.fromfile(path))
    words = shlex.split(' '.join(pipeline_command(ctx, ())))
    assert words[:5] == ['DEPTH=5 0', 'TRUSTED_DIR=my masks', 'python', '-m',
                         'hsc_mm']
    step = WriteReport()
    shown = step.inputs(ctx)['shown']
    monkeypatch.delenv('TRUSTED_DIR')
    assert step.inputs(Context(tmp_path, Config.fromfile(path)))[
        'shown'] != shown


@pytest.mark.parametrize(('total', 'score', 'note'), [
    (2, None, '2 of 2 images.'),
    (9, None, '2 of 9 images, spread evenly over the split.'),
    (9, 50.0, '2 of 9 images, spread evenly over those with a mask.'),
])
def test_the_note_says_which_training_images_are_shown(
        monkeypatch, total, score, note):
    shown = [Picture(name, [], b'', (1, 1), {}, score) for name in 'ab']
    monkeypatch.setattr(report, 'draw_training', lambda ctx, count: shown)
    monkeypatch.setattr(Context, 'dataset', lambda *_: range(total))
    found = report.WriteReport()._training(Context.__new__(Context))
    assert found.note.startswith(note)
