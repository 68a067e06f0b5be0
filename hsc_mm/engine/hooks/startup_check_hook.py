"""Mistakes that are cheaper to find before the first iteration."""
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import BaseLoop, CheckpointLoader
from torch import nn

from hsc_mm.functional.prototypes import MomentumPrototypes
from hsc_mm.registry import HOOKS
from hsc_mm.utils.checkpoints import why_not_whole
from hsc_mm.utils.work_dirs import set_aside

__all__ = [
    'StartupCheckHook', 'check_pretrained', 'check_warm_start',
    'pretrained_parts'
]


@HOOKS.register_module()
class StartupCheckHook(Hook):
    """Refuse to overwrite a finished run, and weights that do not fit.

    mmengine starts a second run in a folder by overwriting the checkpoints
    of the first, and loads what fits of a weight file, warning about the
    rest: a backbone of another depth then trains from random numbers. Both
    are errors here.

    Args:
        allow_overwrite (bool): Whether a new run may overwrite checkpoints.
        check_weights (bool): Whether pretrained weights must fit, and
            checkpoints that are tested or resumed.
        may_lack (Sequence[str]): Tensors that pretrained weights may lack,
            by their names in the module, ``*`` and ``?`` being any
            characters: norms that the backbone has and a classifier has
            not, for one.

    The same goes for a test with the checkpoint of another model.

    Raises:
        FileExistsError: The work folder has checkpoints, and the run does
            not go on from one of them.
        ValueError: Pretrained weights do not fit the module they are for,
            or a checkpoint does not fit the model.
    """

    priority = 'VERY_HIGH'

    def __init__(self,
                 allow_overwrite: bool = False,
                 check_weights: bool = True,
                 may_lack: Sequence[str] = ()) -> None:
        if isinstance(may_lack, str):
            raise ValueError('may_lack of StartupCheckHook: expected a list '
                             f'of names, found {may_lack!r}.')
        self.allow_overwrite = allow_overwrite
        self.check_weights = check_weights
        self.may_lack = tuple(may_lack)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Check a checkpoint: all of it, or enough for a warm start."""
        # Until it is needed, a runner holds the loop's config.
        training = isinstance(runner._train_loop, BaseLoop)
        if self.check_weights and (runner._resume or not training):
            state = checkpoint.get('state_dict', checkpoint)
            model = _bare(runner.model)
            # Tests do not look at prototypes, and other projects keep them
            # out of their checkpoints.
            unused = () if runner._resume else tuple(
                name for name, module in model.named_modules()
                if isinstance(module, MomentumPrototypes))
            problem = _first_problem(model, state, unused)
            if problem:
                raise ValueError(
                    f'checkpoint {runner._load_from or runner.work_dir}: it '
                    f'does not fit the model of this config: {problem}.')
        elif self.check_weights:
            check_warm_start(runner._load_from, _bare(runner.model),
                              checkpoint.get('state_dict', checkpoint))

    def before_train(self, runner) -> None:
        """Check, after the weights are loaded and before any is changed."""
        found = []
        # A resumed run that found nothing to resume starts from the first
        # iteration too.
        if runner.iter == 0 and not self.allow_overwrite:
            found = _whole_ones(runner)
        if found:
            raise FileExistsError(
                f'work_dir {runner.work_dir}: expected no checkpoints of an '
                f'earlier run, found {found[0].name}. Go on with --resume, '
                'choose another --work-dir, or overwrite them with '
                '--cfg-options default_hooks.startup_check.allow_overwrite='
                'True.')
        if self.check_weights and not runner._resume:
            check_pretrained(_bare(runner.model), self.may_lack)


def _whole_ones(runner) -> list[Path]:
    """List the checkpoints in a work folder; damaged ones are put aside."""
    whole = []
    for path in sorted(Path(runner.work_dir).glob('*.pth')):
        damage = why_not_whole(path)
        if damage is None:
            whole.append(path)
        elif is_main_process() and path.is_file():
            runner.logger.warning(f'{path}: {damage} It is no checkpoint to '
                                  f'keep and is now {set_aside(path)}.')
    return whole


def check_warm_start(name: str | None, model: nn.Module,
                      state: dict) -> None:
    """Refuse weights of which hardly any fits: they are another network's.

    Args:
        name (str, optional): The file, for messages.
        model (nn.Module): To begin with them.
        state (dict): Name -> tensor, as in the file.

    Raises:
        ValueError: Less than half of the numbers of the backbone (of the
            model, where there is none) are in the file.
    """
    part = 'backbone.' if hasattr(model, 'backbone') else ''
    wanted = {
        key: value for key, value in model.state_dict().items()
        if key.startswith(part) and value.is_floating_point()
    }
    found = {
        key.removeprefix('module.'): getattr(value, 'shape', None)
        for key, value in state.items()
    }
    fits = sum(value.numel() for key, value in wanted.items()
               if found.get(key) == value.shape)
    total = sum(value.numel() for value in wanted.values())
    if 2 * fits < total:
        raise ValueError(
            f'load_from {name}: expected weights of this network, but only '
            f'{fits} of the {total} numbers of its {part[:-1] or "model"} '
            'are in the file, by name and shape. Name a checkpoint of this '
            'architecture; weights of a backbone alone go into '
            'model.backbone.init_cfg.')


def _bare(model: nn.Module) -> nn.Module:
    """Return the model inside wrappers of ranks or test-time views."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def check_pretrained(model: nn.Module, may_lack: Sequence[str] = ()) -> None:
    """Compare the files named by ``Pretrained`` initialisers with modules.

    Args:
        model (nn.Module): Its sub-modules' ``init_cfg`` are looked at.
        may_lack (Sequence[str]): See :class:`StartupCheckHook`.

    Raises:
        ValueError: A file lacks a tensor of the module, or has it in another
            shape. Tensors that the module does not know do no harm.
    """
    for name, module, cfg in pretrained_parts(model):
        _check_file(name, module, cfg, may_lack)


def pretrained_parts(
        model: nn.Module) -> Iterator[tuple[str, nn.Module, dict]]:
    """Yield name, module and initialiser of what takes weights of a file."""
    for name, module in model.named_modules():
        init_cfgs = getattr(module, 'init_cfg', None) or []
        if isinstance(init_cfgs, dict):
            init_cfgs = [init_cfgs]
        for cfg in init_cfgs:
            if cfg.get('type') == 'Pretrained':
                yield name or 'model', module, cfg


def _check_file(name: str, module: nn.Module, cfg: dict,
                may_lack: Sequence[str]) -> None:
    checkpoint = CheckpointLoader.load_checkpoint(
        cfg['checkpoint'], map_location='cpu')
    state = checkpoint.get('state_dict', checkpoint)
    prefix = cfg.get('prefix', '')
    prefix = prefix + '.' if prefix and not prefix.endswith('.') else prefix
    found = {
        key.removeprefix('module.').removeprefix(prefix): value
        for key, value in state.items()
        if key.removeprefix('module.').startswith(prefix)
    }
    problem = _first_problem(module, found, may_lack=may_lack)
    if problem:
        raise ValueError(
            f'{cfg["checkpoint"]}: expected the weights of {name} '
            f'({type(module).__name__}): {problem}. Take weights of this '
            'network, or change the backbone (depth, deep stem, width) in '
            'the config.')


def _first_problem(module: nn.Module,
                   found: dict,
                   unused: tuple[str, ...] = (),
                   may_lack: Sequence[str] = ()) -> str | None:
    """Say which tensor of a module is missing or of another shape."""
    for key, value in module.state_dict().items():
        if key.endswith('num_batches_tracked') or \
                key.rpartition('.')[0] in unused:
            continue
        if key not in found:
            if any(fnmatchcase(key, pattern) for pattern in may_lack):
                continue
            return f'{key} of shape {tuple(value.shape)} is missing'
        if found[key].shape != value.shape:
            return (f'{key} has shape {tuple(found[key].shape)}, expected '
                    f'{tuple(value.shape)}')
    return None
