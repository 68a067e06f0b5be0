"""Reference of the config keys, written from signatures and docstrings."""
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from docstrings import to_markdown
from griffe import Docstring, DocstringSectionKind
from mmengine.config import Config
from mmengine.registry import Registry

from hsc_mm import registry as registries

__all__ = ['find_parts', 'write_configs', 'write_keys']

ROOT = Path(__file__).resolve().parents[2]

#: Registry -> the place in a config where its parts are named.
PLACES = dict(
    MODELS='`model`, and everything inside it',
    DATASETS='`*_dataloader.dataset`',
    TRANSFORMS='`*_dataloader.dataset.pipeline`',
    DATA_SAMPLERS='`*_dataloader.sampler`',
    METRICS='`val_evaluator`, `test_evaluator`',
    HOOKS='`default_hooks`, `custom_hooks`',
    REFINERS='`pseudo_label.refiners`',
    LABEL_RULES='`pseudo_label.rule`',
    CRF_BACKENDS='`backend` of a CRF',
    STEPS='`pipeline.steps`')

_HEAD = """# Config keys

A part is named by its `type`; the other keys are the arguments of that class.
This page is generated from the signatures and docstrings of the package.
Arguments of the parent class are in the reference of the parent, which may be
part of mmengine, mmseg or mmpretrain.

## Top level

| key | meaning |
|---|---|
| `model`, `train_dataloader`, `optim_wrapper`, ... | the keys of mmengine and mmseg |
| `pseudo_label` | refiners, label rule and soft CAMs ([pseudo labels](../pseudo-labels.md)) |
| `pipeline` | steps of the pipeline ([train](../train.md#other-steps)) |
| `without_NAME` | what is merged into the head where the auxiliary map NAME is not declared ([data](../data.md#saliency-maps)) |
"""  # noqa: E501


def find_parts() -> Iterator[tuple[str, str, type]]:
    """Yield registry, name and class of every part of the package."""
    for place in PLACES:
        found: Registry = getattr(registries, place)
        found.import_from_location()
        for name, part in sorted(found.module_dict.items()):
            if part.__module__.split('.')[0] == 'hsc_mm':
                yield place, name, part


def _sections(part: type) -> list:
    text = to_markdown(inspect.cleandoc(part.__dict__.get('__doc__') or ''))
    return Docstring(text).parse('google', warnings=False)


def _arguments(part: type) -> dict[str, tuple[str, str]]:
    """Return type and meaning of the arguments, of base classes as well."""
    found: dict[str, tuple[str, str]] = {}
    for base in inspect.getmro(part):
        if base.__module__.split('.')[0] == 'hsc_mm':
            for section in _sections(base):
                if section.kind is DocstringSectionKind.parameters:
                    for one in section.value:
                        for name in one.name.split(', '):
                            found.setdefault(name.lstrip('*'), (
                                str(one.annotation or ''), one.description))
    return found


def _cell(text: str) -> str:
    return ' '.join(text.split()).replace('|', '\\|')


def _describe(name: str, part: type) -> list[str]:
    lines = ['', f'### `hsc_mm.{name}` {{#{name}}}', '']
    lines += [one.value for one in _sections(part)[:1]
              if one.kind is DocstringSectionKind.text]
    parents = [f'`{one.__module__.split(".")[0]}.{one.__name__}`'
               for one in part.__bases__ if one.__name__ in
               (part.__doc__ or '') or one.__module__.startswith('mm')]
    if parents:
        lines += ['', 'Parent: ' + ', '.join(parents) + '.']
    known, rows = _arguments(part), []
    for one in list(inspect.signature(part).parameters.values()):
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        kind, text = known.get(one.name, ('', ''))
        default = 'required' if one.default is one.empty else (
            f'`{one.default!r}`')
        rows.append('| ' + ' | '.join(map(_cell, (
            f'`{one.name}`', kind, default, text))) + ' |')
    if rows:
        lines += ['', '| key | type | default | meaning |',
                  '|---|---|---|---|', *rows]
    return lines


def write_keys() -> str:
    """Return the page of all config keys as Markdown."""
    lines, last = [_HEAD], None
    for place, name, part in find_parts():
        if place != last:
            lines += ['', f'## {place} {{#{place.lower()}}}', '',
                      f'Named in {PLACES[place]}.']
            last = place
        lines += _describe(name, part)
    return '\n'.join(lines) + '\n'


def _comment(path: Path) -> str:
    lines = []
    for line in path.read_text('utf-8').splitlines():
        if not line.startswith('#'):
            break
        lines.append(line.strip('# '))
    return ' '.join(lines)


def write_configs() -> str:
    """Return the page of all configs, and one that is written out."""
    lines = ['# Configs', '', 'Every config, with the configs it inherits '
             'from. This page is generated.', '',
             '[Which config do I want?](../which-config.md) helps to choose.']
    folders = sorted({path.parent for path in (ROOT / 'configs').rglob('*.py')
                      if '_base_' not in path.parts})
    for folder in folders:
        lines += ['', f'## `{folder.relative_to(ROOT)}`', '',
                  '| config | inherits from | |', '|---|---|---|']
        for path in sorted(folder.glob('*.py')):
            bases = re.search(r"_base_ = (\[.*?\]|'.*?')", path.read_text(),
                              re.S)
            names = re.findall(r"'(.*?)'", bases[0]) if bases else []
            lines.append(f'| `{path.name}` | ' + ', '.join(
                f'`{one}`' for one in names) + f' | {_cell(_comment(path))} |')
    whole = Config.fromfile(ROOT / 'configs' / 'hsc_r50_voc.py')
    lines += ['', '## One config, written out', '',
              '`configs/hsc_r50_voc.py` with everything that it inherits. '
              '`python -m hsc_mm train` writes such a file for every run into '
              'the work folder.', '', '```python', whole.pretty_text.rstrip(),
              '```']
    return '\n'.join(lines) + '\n'
