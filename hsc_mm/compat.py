"""Bridges between the two OpenMMLab families, and versions of torch.

Two families of distributions provide the import names ``mmengine``, ``mmcv``,
``mmseg`` and ``mmpretrain``: the maintained ``onedl-*`` and upstream, which
stopped in 2024. :func:`setup` refuses an environment that cannot work, with
the commands that repair it, and cures the rest. Nothing of a host is patched.
"""
import re
import sys
import warnings
from contextlib import redirect_stdout
from importlib import import_module, metadata
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, spec_from_loader
from io import StringIO
from types import ModuleType

from packaging.requirements import Requirement
from packaging.version import Version

__all__ = [
    'check_families', 'check_torchvision', 'has_openmmlab',
    'import_quietly', 'setup', 'stub_mmcv_ops'
]

# Import name -> distributions that provide it, per family.
FAMILIES = {
    'onedl': {
        'mmengine': ('onedl-mmengine', ),
        'mmcv': ('onedl-mmcv', ),
        'mmseg': ('onedl-mmsegmentation', ),
        'mmpretrain': ('onedl-mmpretrain', ),
    },
    'openmmlab': {
        'mmengine': ('mmengine', 'mmengine-lite'),
        'mmcv': ('mmcv', 'mmcv-lite'),
        'mmseg': ('mmsegmentation', ),
        'mmpretrain': ('mmpretrain', ),
    },
}


def has_openmmlab() -> bool:
    """Say whether mmengine, which all of OpenMMLab needs, can be found."""
    try:
        return find_spec('mmengine') is not None
    except ImportError:
        return False


def setup() -> None:
    """Check the environment and bridge it; ``import hsc_mm`` calls this."""
    family = check_families()
    check_torchvision()
    if family == 'openmmlab':
        stub_mmcv_ops()
    import_module('hsc_mm.utils.checkpoint_sources').install()
    import_module('hsc_mm.cli.errors').install_hook()
    # Said at each start; nothing here uses compiled ops, pictures are drawn
    # only when they are asked for, configs say what losses average and how
    # many channels two classes have, and one thread a process is meant.
    for noise in ('Fail to import ``MultiScaleDeformableAttention``',
                  'Default ``avg_non_ignore`` is False',
                  'For binary segmentation, we suggest using',
                  'Setting (OMP|MKL)_NUM_THREADS environment variable',
                  'The draw is False, it means that the hook for vis'):
        warnings.filterwarnings('ignore', message=noise)
    import_quietly('mmseg.datasets', 'Could not import OneDL')


def import_quietly(module: str, noise: str) -> None:
    """Import a module without a line that it always prints."""
    said = StringIO()
    try:
        with redirect_stdout(said):
            import_module(module)
    finally:
        for line in said.getvalue().splitlines():
            if line.strip() != noise:
                print(line)


def check_families() -> str:
    """Refuse two families in one environment, or an incomplete one.

    Returns:
        str: The family in use, ``'onedl'`` or ``'openmmlab'``.
    """
    found = {
        family: _installed(*sum(names.values(), ()))
        for family, names in FAMILIES.items()
    }
    if all(found.values()):
        both = ' and '.join(f'{family} ({_listed(parts)})'
                            for family, parts in found.items())
        names = ' '.join(name for parts in found.values() for name in parts)
        raise ImportError(
            'hsc_mm needs one OpenMMLab family in an environment, but found '
            f'parts of two, which overwrite each other: {both}; run "pip '
            f'uninstall -y {names}" and then "pip install '
            '\'hsc_mm[onedl]\'", or install that in a new environment.')
    family = 'openmmlab' if found['openmmlab'] else 'onedl'
    # A checkout on the path has no metadata, but is there all the same.
    missing = [
        distributions[0] for name, distributions in FAMILIES[family].items()
        if not found[family].keys() & set(distributions)
        and find_spec(name) is None
    ]
    if missing:
        raise ImportError(
            f'hsc_mm needs {", ".join(missing)}, but found '
            f'{_listed(found[family]) or "no OpenMMLab family at all"}; run '
            f'"pip install \'hsc_mm[{family}]\'".')
    return family


def check_torchvision() -> None:
    """Refuse a torchvision that was built for another torch.

    Such a pair fails much later, with ``operator torchvision::nms does not
    exist``.
    """
    pair = ('torch', 'torchvision')
    found = _installed(*pair)
    missing = [n for n in pair if n not in found and find_spec(n) is None]
    if missing:
        raise ImportError(
            f'hsc_mm needs torch and torchvision, but found no '
            f'{" and no ".join(missing)}; run "pip install torch '
            'torchvision", both in one command so that they match.')
    if len(found) < 2:
        return
    # The local part (+cpu, +cu130) says where a build runs, not what it is.
    torch, torchvision = (Version(found[name]).public for name in pair)
    for line in metadata.requires('torchvision') or ():
        needed = Requirement(re.sub(r'\+[\w.]+', '', line))
        if needed.name != 'torch' or needed.specifier.contains(
                torch, prereleases=True):
            continue
        raise ImportError(
            f'hsc_mm needs a matching pair of torch and torchvision, but '
            f'found torchvision {found["torchvision"]}, which requires '
            f'torch{needed.specifier}, with torch {found["torch"]}; run '
            f'"pip install \'torch{needed.specifier}\' '
            f'torchvision=={torchvision}".')


def stub_mmcv_ops() -> None:
    """Let ``from mmcv.ops import ...`` succeed where no op was compiled.

    Upstream mmseg imports three operators at its top level, mmcv-lite has
    none, and nothing here uses any. The stand-ins raise when they are used.
    Where the compiled extension exists this does nothing.
    """
    mmcv = find_spec('mmcv')
    if mmcv is None or 'mmcv.ops' in sys.modules:
        return
    # PathFinder looks without importing mmcv, unlike find_spec.
    if PathFinder.find_spec('mmcv._ext', mmcv.submodule_search_locations):
        return
    if not any(isinstance(finder, _OpsFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OpsFinder())


def _installed(*names: str) -> dict[str, str]:
    """Versions of those of the distributions that are installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _listed(versions: dict[str, str]) -> str:
    return ', '.join(f'{name} {text}' for name, text in versions.items())


class _OpsFinder(MetaPathFinder, Loader):
    """Import ``mmcv.ops`` as a module of stand-ins."""

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        found = fullname == 'mmcv.ops'
        return spec_from_loader(fullname, self) if found else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Ops(spec.name, _Ops.__doc__)

    def exec_module(self, module: ModuleType) -> None:
        """Everything is made on demand."""


class _Ops(ModuleType):
    """Stand-ins for the operators that mmcv-lite was built without."""

    def __getattr__(self, name: str):
        # Python and torch probe every module for such names.
        if name.startswith('_'):
            raise AttributeError(name)
        if name in ('get_compiler_version', 'get_compiling_cuda_version'):
            return lambda: 'n/a'
        operator = _Unusable(name, (), {'__module__': self.__name__})
        setattr(self, name, operator)
        return operator


class _Unusable(type):
    """A class, so that isinstance and subclassing work; a call raises."""

    def __call__(cls, *args, **kwargs):
        raise RuntimeError(
            f'mmcv.ops.{cls.__name__} is a compiled operator, and mmcv-lite '
            'has none; put mmcv in its place: "pip uninstall -y mmcv-lite" '
            'and then "pip install \'mmcv>=2.1,<2.2\'".')
