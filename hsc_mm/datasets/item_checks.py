"""Checks of the items of a data set: image, mask and saliency map of each."""
from .checks import check_files, missing_files, raise_problems
from .mask_checks import MASK_ADVICE, check_masks

__all__ = ['MAP_KINDS', 'check_items', 'item_files']

#: Key of an item -> what messages call the file.
MAP_KINDS = dict(seg_map_path='mask', saliency_path='saliency map')


def item_files(infos: list[dict]) -> list[str]:
    """List the files of items: images, masks, saliency maps."""
    return [i[k] for i in infos for k in ('img_path', *MAP_KINDS) if k in i]


def check_items(what: str, infos: list[dict], listed: str, all_classes: int,
                ignore_index: int) -> None:
    """Refuse items whose files are missing, broken or do not fit.

    Args:
        what (str): The data set, as messages name it.
        infos (list[dict]): Items, with ``img_path`` and, where there is one,
            ``seg_map_path`` and ``saliency_path``.
        listed (str): The file that names the images.
        all_classes (int): Classes that masks know, background included.
        ignore_index (int): Index of pixels that do not count.

    Raises:
        ValueError: Files are missing, broken or of another size than their
            image, or masks hold colours or indices of no class.
    """
    missing = missing_files(item_files(infos))
    raise_problems(
        what, [f'{path}: missing' for path in missing],
        f'Files of the list {listed} are missing; check data_root, '
        'data_prefix and the suffixes. (partial_saliency=True lets images '
        'lack a saliency map.)')
    problems = []
    for info in infos:
        maps = {
            kind: info[key] for key, kind in MAP_KINDS.items() if key in info
        }
        problems += check_files(info['img_path'], maps)
    raise_problems(what, problems,
                   'Replace these files or take them off the list.')
    masks = [i['seg_map_path'] for i in infos if 'seg_map_path' in i]
    raise_problems(what, check_masks(masks, all_classes, ignore_index),
                   MASK_ADVICE)
