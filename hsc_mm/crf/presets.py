"""Numbers of the dense CRF on full images, by the purpose they serve."""
import dataclasses

from hsc_mm.utils import check_number

__all__ = ['CRFNumbers', 'PRESETS', 'crf_numbers']


@dataclasses.dataclass(frozen=True)
class CRFNumbers:
    """Kernels and steps of mean field (Kraehenbuehl and Koltun, 2011).

    Attributes:
        gaussian_sxy (float): Width of the kernel of positions, in pixels.
        gaussian_weight (float): Its weight.
        bilateral_sxy (float): Width of the kernel of positions and colours:
            that of positions, in pixels.
        bilateral_srgb (float): That of colours, in levels of 0..255.
        bilateral_weight (float): Its weight.
        steps (int): Steps of mean field.
    """
    gaussian_sxy: float
    gaussian_weight: float
    bilateral_sxy: float
    bilateral_srgb: float
    bilateral_weight: float
    steps: int

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        for field in dataclasses.fields(self):
            steps = field.name == 'steps'
            zero = steps or field.name.endswith('weight')
            check_number(
                f'{field.name} of the CRF',
                getattr(self, field.name),
                least=0 if zero else None,
                above=None if zero else 0,
                whole=steps)


#: 'pseudo_label' is for masks to train on; 'segmentation' for the softmax of
#: a segmentation network at test time.
PRESETS = {
    'pseudo_label': CRFNumbers(3, 3, 80, 13, 10, steps=10),
    'segmentation': CRFNumbers(1, 3, 67, 3, 4, steps=10),
}


def crf_numbers(preset: str = 'pseudo_label', **changes: float) -> CRFNumbers:
    """Return the numbers of a preset, some of them replaced.

    Args:
        preset (str): A key of :data:`PRESETS`.
        **changes (float): Fields of :class:`CRFNumbers`; None changes
            nothing.

    Returns:
        CRFNumbers: The numbers.

    Raises:
        ValueError: There is no such preset or field, or a number is bad.
    """
    if preset not in PRESETS:
        raise ValueError(f'preset of the CRF: expected one of '
                         f'{sorted(PRESETS)}, found {preset!r}.')
    known = [field.name for field in dataclasses.fields(CRFNumbers)]
    for name in changes:
        if name not in known:
            raise ValueError(f'option of the CRF: expected one of {known}, '
                             f'found {name!r}; correct or remove it. Options '
                             'of a backend stand in backend=dict(type=...).')
    return dataclasses.replace(
        PRESETS[preset],
        **{name: value for name, value in changes.items()
           if value is not None})
