"""Configs that want saliency maps, on data that has none."""
from mmengine.config import Config

__all__ = ['NOTICE', 'drop_saliency', 'lacks_saliency']

NOTICE = (
    'no saliency maps: train_dataloader.dataset.data_prefix.saliency_path is '
    'not set. This run is the saliency-free baseline, its supervision is '
    'image labels alone.')
_LOADER = 'hsc_mm.LoadSaliencyMap'
_SUFFIX = ' + saliency'


def lacks_saliency(cfg: Config) -> bool:
    """Say whether a model learns from saliency maps that nobody names.

    Args:
        cfg (Config): Config of the CAM stage, or any other.

    Returns:
        bool: The head has ``losses.sal``, the training data set names no
        ``saliency_path``, and the loader of the maps lets that pass
        (``required=False``).
    """
    head = cfg.get('model', {}).get('decode_head') or {}
    if not isinstance(head, dict) or not (head.get('losses') or {}).get(
            'sal'):
        return False
    dataset = (cfg.get('train_dataloader') or {}).get('dataset', {})
    if (dataset.get('data_prefix') or {}).get('saliency_path'):
        return False
    return any(
        step.get('type') == _LOADER and not step.get('required', True)
        for step in dataset.get('pipeline') or [])


def drop_saliency(cfg: Config) -> bool:
    """Turn such a config into that of the saliency-free baseline.

    The head loses ``losses.sal``, its activation is ``'relu'``, and what
    ``without_saliency`` of the config says is merged into the head.
    The metrics then print "image labels" as supervision, and a hook puts
    :data:`NOTICE` in the log.

    Args:
        cfg (Config): Changed in place; others stay as they are.

    Returns:
        bool: Whether it was changed.
    """
    if not lacks_saliency(cfg):
        return False
    head = cfg.model.decode_head
    head.losses.sal = None
    head.activation = 'relu'
    without = cfg.get('without_saliency') or {}
    cfg.merge_from_dict(dict(model=dict(decode_head=dict(without))))
    for key in ('val_evaluator', 'test_evaluator'):
        evaluator = cfg.get(key)
        if isinstance(evaluator, dict) and 'supervision' in evaluator:
            evaluator['supervision'] = evaluator['supervision'].replace(
                _SUFFIX, '')
    hook = dict(type='hsc_mm.NoticeHook', text=NOTICE)
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    return True
