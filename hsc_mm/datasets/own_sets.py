"""Checks of what the methods of a data set class of one's own return."""
from collections.abc import Collection, Iterable, Mapping
from typing import Any

__all__ = ['own_classes', 'own_ids', 'own_labels']


def own_labels(name: str, labels: Any) -> Mapping[str, list[str]]:
    """Return what ``labels()`` of a data set class did, if it is labels.

    Raises:
        ValueError: It is no dictionary, or an image has no list of names.
    """
    how = 'return {id: [name, ...]}, with an empty list for no class.'
    if not isinstance(labels, Mapping):
        raise ValueError(f'labels() of {name}: expected a dictionary, found '
                         f'{labels!r:.60}; {how}')
    for image, names in labels.items():
        if isinstance(names, str) or not isinstance(names, Collection):
            raise ValueError(f'labels() of {name}: expected a list of names '
                             f'for image {image!r}, found {names!r:.60}; '
                             f'{how}')
        other = [one for one in names if not isinstance(one, str)]
        if other:
            raise ValueError(f'labels() of {name}: expected names of classes '
                             f'for image {image!r}, found {other[0]!r:.60}; '
                             f'{how}')
    return labels


def own_classes(name: str, classes: Any) -> list[str]:
    """Return ``all_classes`` of a data set class, if it is a list of names.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(classes, list | tuple) or not classes or not all(
            isinstance(one, str) for one in classes):
        raise ValueError(
            f'all_classes of {name}: expected a list of names, the '
            f'background first, found {classes!r:.60}. Write it as a '
            '@property that returns one, or as an attribute of the class.')
    return list(classes)


def own_ids(name: str, ids: Any, prefix: Mapping[str, str]) -> list[str]:
    """Return what ``ids()`` of a data set class did, if it is image ids.

    Args:
        name (str): The class.
        ids (Any): What it returned.
        prefix (mapping): ``data_prefix``, for the message.

    Raises:
        ValueError: It is no collection of str, or there is no image.
    """
    listed = [ids] if isinstance(ids, str) or not isinstance(
        ids, Iterable) else list(ids)
    if isinstance(ids, str) or not all(isinstance(i, str) for i in listed):
        other = next((i for i in listed if not isinstance(i, str)), ids)
        raise ValueError(
            f'ids() of {name}: expected a list of ids of images, each a str '
            f'relative to data_prefix.img_path, found {other!r:.60}.')
    if not listed:
        raise ValueError(
            f'ids() of {name}: expected at least one image, found none. '
            f'data_prefix.img_path is {prefix["img_path"]!r}; check it, '
            'data_root and the suffix.')
    return listed
