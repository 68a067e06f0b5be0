"""Reference of the Python API: one page for each package, as mkdocstrings."""
import ast
from pathlib import Path

__all__ = ['PACKAGES', 'write_api']

ROOT = Path(__file__).resolve().parents[2]

#: Package or module -> what a reader finds there.
PACKAGES = {
    'functional': 'pure functions on tensors; they need torch alone',
    'models': 'segmentors, heads, losses, contrast, backbones',
    'datasets': 'data sets with image labels, transforms, samplers',
    'pseudo_labels': 'from CAMs to files of pseudo labels',
    'crf': 'dense CRFs',
    'evaluation': 'scores of seeds and of masks',
    'inference': 'models from configs, predictions for single pictures',
    'pipeline': 'both stages, step by step',
    'engine': 'hooks of the training loop',
    'visualization': 'pictures of CAMs, masks and scores',
    'doctor': 'checks before a training',
    'utils': 'files, checkpoints, processes',
    'registry': 'registries',
}


def _exports(path: Path) -> list[str]:
    """Return ``__all__`` where it is written out, without importing."""
    for node in ast.parse(path.read_text('utf-8')).body:
        if isinstance(node, ast.Assign) and any(
                getattr(one, 'id', '') == '__all__' for one in node.targets):
            try:
                return list(ast.literal_eval(node.value))
            except ValueError:
                return []
    return []


def _modules(name: str) -> list[str]:
    folder = ROOT / 'hsc_mm' / name
    paths = sorted(folder.rglob('*.py')) or [folder.with_suffix('.py')]
    return ['.'.join(path.relative_to(ROOT).with_suffix('').parts)
            for path in paths
            if path.name != '__init__.py' and _exports(path)]


def write_api() -> dict[str, str]:
    """Return the pages of the API: name of the page -> Markdown."""
    pages = {'index': '\n'.join([
        '# Python API', '',
        'Three names are imported from the package itself:', '',
        '```python', 'from hsc_mm import HSCInferencer, make_pseudo_labels, '
        'run_pipeline', '```', '', 'The others are imported from their '
        'modules. Names that begin with an underscore are private.', '',
        '| package | content |', '|---|---|',
        *(f'| [`hsc_mm.{name}`]({name}.md) | {text} |'
          for name, text in PACKAGES.items())]) + '\n'}
    for name, text in PACKAGES.items():
        lines = [f'# hsc_mm.{name}', '', f'{text[0].upper()}{text[1:]}.']
        for module in _modules(name):
            lines += ['', f'::: {module}']
        pages[name] = '\n'.join(lines) + '\n'
    return pages
