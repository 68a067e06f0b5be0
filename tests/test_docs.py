"""Code in the documentation: what a page tells strangers to write, works."""
import ast
import re
import shlex
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from hsc_analysis.tables_command import fill
from hsc_converters.new_configs import write_configs
from hsc_converters.new_dataset import NewDataset
from hsc_mm.functional.prototypes import Bank
from hsc_mm.inference import load_config
from hsc_mm.models.contrast import Evidence
from hsc_mm.pseudo_labels.chain import LabelChain, label_stream
from hsc_mm.pseudo_labels.refiners import build_refiner
from hsc_mm.pseudo_labels.soft_cam import SoftCAM
from hsc_mm.registry import DATASETS, LABEL_RULES, MODELS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]


def site(monkeypatch, name):
    """A module that writes generated pages."""
    monkeypatch.syspath_prepend(ROOT / 'docs' / 'site')
    return import_module(name)


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """The files that pages write, in a project beside the configs."""
    root = tmp_path_factory.mktemp('stranger')
    (root / 'configs').symlink_to(ROOT / 'configs')
    text = '\n'.join(
        path.read_text() for path in sorted((ROOT / 'docs').glob('*.md')))
    for code in re.findall(r'```python\n(# my_project/.*?)```', text, re.S):
        path = root / code.splitlines()[0].removeprefix('# ')
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
    sys.path.insert(0, str(root))
    for path in (root / 'my_project').glob('*.py'):
        if '_base_' not in path.read_text():
            import_module(f'my_project.{path.stem}')
    yield root / 'my_project'
    sys.path.remove(str(root))


@pytest.mark.parametrize(('name', 'losses'), [
    ('focal_demo', {'loss_cls', 'loss_agree'}),
    ('compact_r50_voc', {'loss_cls', 'loss_er', 'loss_ecr', 'loss_min',
                         'loss_class', 'loss_pixel', 'loss_compact'}),
    ('edges_r50_voc', {'loss_cls', 'loss_edge'}),
])
def test_losses_and_levels_of_strangers_train(project, name, losses):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    head = Config.fromfile(project / f'{name}.py').model.decode_head
    head.in_channels = 8
    if head.get('refiner'):
        head.refiner.in_channels, head.refiner.in_index = (8, 8), (0, 0)
    head = MODELS.build(head)
    head.train()
    samples = []
    for row in torch.eye(head.num_classes - 1)[:3]:
        samples.append(SegDataSample())
        samples[-1].gt_label = row
        samples[-1].gt_edges = PixelData(data=torch.rand(1, 48, 48))
    for _ in range(2):
        views = [((torch.rand(3, 8, s, s), ), torch.rand(3, 3, 4 * s, 4 * s))
                 for s in (12, 8)]
        found = head.loss(views, samples)
        sum(found.values()).backward()
        for module in head.modules():
            if hasattr(module, 'commit'):
                module.commit()
    assert set(found) == losses
    assert all(one.isfinite() for one in found.values())


def test_the_level_of_the_page_has_a_lower_bound(project):
    """Of embeddings of any length."""
    draw = torch.Generator().manual_seed(0)
    u, rows = (torch.randn(size, generator=draw)
               for size in ((2, 5, 6, 6), (4, 5)))
    bank = Bank(torch.nn.functional.normalize(rows), torch.ones(4) > 0)
    weight = torch.rand(2, 4, 6, 6, generator=draw)
    mask = torch.randint(-1, 4, (2, 6, 6), generator=draw)
    level = MODELS.build(dict(type='hsc_mm.CompactClasses'))
    found = [level.compare(Evidence(
        [mask], [weight], [weight], torch.ones(2, 4),
        dict(pixel=[scale * u])), [bank])[0] for scale in (1, 100)]
    assert 0 < found[0] < 2
    torch.testing.assert_close(*found)


def test_refiners_rules_embeddings_and_data_of_strangers(project, tmp_path):
    cam = np.zeros((2, 12, 16), np.float32)
    cam[0, :6, :8], cam[1, 6:, 8:] = 0.9, 0.9
    soft = SoftCAM('one', cam, np.array([3, 5]), np.zeros(20),
                   np.zeros((12, 16, 3), np.uint8))
    cfg = Config.fromfile(project / 'refined_demo.py')
    for refiner in map(build_refiner, cfg.pseudo_label.refiners):
        soft = refiner(soft)
    assert soft.cam.shape == cam.shape and np.isfinite(soft.cam).all()
    rule = LABEL_RULES.build(dict(type='hsc_mm.ShareRule', share=0.5))
    assert set(np.unique(rule(soft))) == {0, 3, 5}
    chain = LabelChain(cfg.pseudo_label.refiners, rule)
    made = list(label_stream([soft, soft._replace(img_id='two')], chain))
    assert [one.mask.shape for one in made] == [(12, 16)] * 2
    assert str(chain) == 'BilateralFilter, PAR, ShareRule (share 0.5)'
    noted = chain.identity()
    assert noted['rule']['class'] == 'my_project.rules.ShareRule'
    assert noted['refiners'][0]['size'] == 9
    module = MODELS.build(dict(type='hsc_mm.DeepEmbedding', in_channels=4))
    assert module(torch.rand(1, 4, 2, 2)).shape == (1, module.channels, 2, 2)
    for name in ('cat_1', 'dog_2'):
        (tmp_path / f'{name}.jpg').write_bytes(
            (ROOT / 'docs' / 'images').glob('*.jpg').__next__().read_bytes())
    data = DATASETS.build(dict(
        type='hsc_mm.NamedDataset', data_prefix=dict(img_path=str(tmp_path)),
        pipeline=[]))
    assert [one['gt_label'].tolist() for one in data] == [[1, 0], [0, 1]]


def test_files_that_pages_name_are_there():
    package = ROOT / 'hsc_mm'
    folders = [package, ROOT, *(package / one for one in (
        'datasets', 'models/segmentors', 'pseudo_labels', 'pipeline'))]
    text = (ROOT / 'docs' / 'architecture.md').read_text()
    named = re.findall(r'`((?:\.\./)?[\w/.*-]+(?:\.py|/))`', text)
    assert len(named) > 60
    for name in named:
        assert any(list(folder.glob(name.removeprefix('../')))
                   for folder in folders), name
    readme = (ROOT / 'README.md').read_text()
    for name in re.findall(r'`(hsc_mm/[\w/.]+(?:\.py|/))`', readme):
        assert (ROOT / name).exists(), name


def anchors(path):
    """What the headings of a page are called, by the rule of Markdown."""
    text = re.sub(r'```.*?```', '', path.read_text(), flags=re.S)
    return {re.sub(r'[-\s]+', '-', re.sub(r'[^\w\s-]', '', title).strip(
        ).lower()) for title in re.findall(r'^#+ (.*)', text, re.M)}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_of_pages_lead_somewhere(page):
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.S)
    for target, anchor in re.findall(
            r'\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)', text):
        path = page.parent / target if target else page
        if target.startswith('reference/'):     # generated
            continue
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), (target, anchor)


def test_commands_of_pages_are_there_with_their_options(monkeypatch):
    parsers = dict(site(monkeypatch, 'commands').find_parsers())
    seen = set()
    for page in PAGES:
        blocks = '\n'.join(re.findall(
            r'```bash\n(.*?)```', page.read_text(), re.S))
        for line in blocks.replace('\\\n', ' ').splitlines():
            found = re.search(
                r'^[^#]*(?:tools/|-m hsc_mm )(\w+)(?:\.py)? (.*)', line)
            if not found or found[1] == 'make_demo_data':
                continue
            words = shlex.split(found[2].split('|')[0], comments=True)
            known = parsers[found[1]]._option_string_actions
            for word in words:
                assert not word.startswith('--') or word in known, line
                # Results name configs as they were when they were measured.
                if not page.name.startswith('results') and re.match(
                        r'configs/(?!mine|parts)[^{]*py$', word):
                    assert (ROOT / word).is_file(), line
            seen.add(found[1])
    assert seen == {*parsers, 'train'}


def test_reference_holds_every_command_and_every_key(monkeypatch):
    pytest.importorskip('griffe')
    commands = site(monkeypatch, 'commands')
    page = commands.write_commands()
    for name, parser in commands.find_parsers():
        assert f'## `{name}`' in page
        assert all(option in page for option in parser._option_string_actions
                   if option not in ('-h', '--help'))
    keys = site(monkeypatch, 'keys')
    page, parts = keys.write_keys(), list(keys.find_parts())
    assert {name for _, name, _ in parts} >= {
        'CAMHead', 'HierarchicalContrast', 'PAR', 'ThresholdRule', 'TrainCAM'}
    for _, name, part in parts:
        text = page.split(f'### `hsc_mm.{name}`')[1].split('\n### ')[0]
        assert all(f'| `{key}` |' in text for key in signature(part).parameters
                   if key not in ('args', 'kwargs')), name


def test_tables_of_matrices_are_those_of_their_files(monkeypatch):
    monkeypatch.chdir(ROOT)
    pages = [path for path in PAGES
             if '<!-- matrix: benchmarks/' in path.read_text()]
    assert pages
    for path in pages:
        assert fill(path.read_text())[0] == path.read_text(), path


def test_configs_on_those_of_own_pictures_keep_what_these_say(tmp_path):
    for name in ('one', 'two', 'three'):
        folder = tmp_path / 'pictures' / name
        folder.mkdir(parents=True)
        picture = np.random.default_rng(len(name)).integers(
            0, 255, (50, 60, 3), np.uint8)
        cv2.imwrite(str(folder / f'{name}.png'), picture)
    out = tmp_path / 'mine'
    new = NewDataset(str(tmp_path / 'pictures'), iters=2, crop=320)
    write_configs(new, out, ROOT / 'configs' / 'own')
    text = (ROOT / 'docs' / 'own-data.md').read_text()
    found = dict(re.findall(
        r'```python\n# configs/mine/(\w+\.py)\n(.*?)```', text, re.S))
    assert len(found) == 2
    written = Config.fromfile(out / 'hsc_mine.py')
    for name, code in found.items():
        (out / name).write_text(code)
        cfg = Config.fromfile(out / name)
        assert cfg != written
        assert cfg.model.decode_head.num_classes == 4
        assert cfg.model.second_view == written.model.second_view
        assert cfg.train_dataloader.dataset == written.train_dataloader.dataset
        MODELS.build(cfg.model.decode_head)


SWITCH = re.compile(r"`([\w.]+)=(None|'\w+')`")
SWITCHES = [
    found for row in (ROOT / 'docs' / 'method.md').read_text().split(
        '## Terms and files')[1].split('\n\n')[1].splitlines()
    if (found := SWITCH.findall(row.rpartition('|')[0]))
]


@pytest.mark.parametrize('found', SWITCHES,
                         ids=lambda found: found[0][0].rpartition('.')[2])
def test_each_switch_of_the_method_can_be_set_alone(found):
    options = {f'model.decode_head.{key}': ast.literal_eval(value)
               for key, value in found}
    cfg = load_config(ROOT / 'configs/hsc_r50_eps_voc.py', options)
    MODELS.build(cfg.model.decode_head)


def test_the_switches_of_the_method_are_found():
    keys = {key for found in SWITCHES for key, _ in found}
    assert keys >= {'refiner', 'losses.er', 'losses.ecr', 'losses.min',
                    'losses.sal', 'losses.contrast'}


def test_the_table_of_faults_names_every_test_of_one():
    page = (ROOT / 'docs' / 'reliability.md').read_text()
    table = page.split('<!-- made by make faults -->')[1]
    rows = re.findall(r'^\| ([^|*]+) \| \d+ \| 0 \|$', table, re.M)
    tests = [
        part.name.removeprefix('test_').replace('_', ' ')
        for path in (ROOT / 'tests' / 'faults').glob('test_*.py')
        for part in ast.parse(path.read_text()).body
        if getattr(part, 'name', '').startswith('test_')
    ]
    assert sorted(rows) == sorted(tests)
