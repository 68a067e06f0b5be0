"""How CAMs become pseudo labels: one description for flags and configs."""
from dataclasses import dataclass, fields

from mmengine.config import Config

__all__ = ['LabelSettings']


@dataclass(frozen=True)
class LabelSettings:
    """Settings of pseudo labels.

    ``test_cfg.pseudo_label`` of a config's model holds the same keys; a flag
    of the command line that chooses another rule wins. Only one of ``band``
    and ``crf`` / ``two_alpha`` makes sense; without any of them the
    threshold makes the label.

    Attributes:
        threshold (float): Background threshold.
        band (tuple[float, float], optional): Ignore what lies between two
            thresholds.
        crf (str | dict, optional): Preset of the dense CRF, or arguments of
            :class:`hsc_mm.crf.DenseCRF`.
        crf_backend (str): ``'auto'``, ``'exact'``, ``'pydensecrf'`` ...
        alpha (float): Background of the CRF: ``(1 - max CAM) ** alpha``.
        two_alpha (tuple[float, float], optional): Two of them; ignore where
            the two CRFs disagree about the background.
        soft (str, optional): ``'also'``: soft CAMs besides; ``'only'``.

    Raises:
        ValueError: Settings contradict each other or are out of range.
    """
    threshold: float
    band: tuple[float, float] | None = None
    crf: str | dict | None = None
    crf_backend: str = 'auto'
    alpha: float = 7.0
    two_alpha: tuple[float, float] | None = None
    soft: str | None = None

    def __post_init__(self) -> None:
        for name in ('band', 'two_alpha'):
            pair = getattr(self, name)
            if pair is not None:
                object.__setattr__(self, name, tuple(map(float, pair)))
        if self.two_alpha and not self.crf:
            object.__setattr__(self, 'crf', 'pseudo_label')
        if self.band and self.crf:
            raise ValueError('band: expected no CRF beside it, found '
                             f'{self.crf!r}. --two-alpha is the band of a '
                             'CRF.')
        if self.band and not 0 < self.band[0] <= self.band[1] < 1:
            raise ValueError('band: expected 0 < low <= high < 1, found '
                             f'{self.band}.')
        alphas = self.two_alpha or (self.alpha, self.alpha)
        if not 0 < alphas[0] <= alphas[1]:
            raise ValueError('alpha: expected positive numbers, the lower '
                             f'one first, found {alphas}.')
        if self.soft not in (None, 'also', 'only'):
            raise ValueError('soft: expected None, "also" or "only", found '
                             f'{self.soft!r}.')

    @classmethod
    def merge(cls, cfg: Config, **flags) -> 'LabelSettings':
        """Join a config and the flags of a command line.

        Args:
            cfg (Config): Of the CAM stage.
            **flags: Attributes; None = not given.

        Returns:
            LabelSettings: A rule named by a flag drops that of the config.

        Raises:
            ValueError: ``test_cfg.pseudo_label`` has an unknown key.
        """
        test_cfg = cfg.model.test_cfg
        merged = dict(test_cfg.get('pseudo_label') or {})
        known = {f.name for f in fields(cls)} - {'threshold'}
        if set(merged) - known:
            raise ValueError(
                'test_cfg.pseudo_label: expected keys of '
                f'{sorted(known)}, found {sorted(merged)}.')
        given = {k: v for k, v in flags.items() if v is not None}
        if given.keys() & {'band', 'crf', 'two_alpha'}:
            for key in ('band', 'crf', 'two_alpha'):
                merged.pop(key, None)
        merged.update(threshold=test_cfg.bg_threshold)
        merged.update(given)
        return cls(**merged)

    @property
    def kinds(self) -> tuple[str, ...]:
        """tuple[str, ...]: Suffixes of the files that are written."""
        return {None: ('.png', ), 'also': ('.png', '.npz'),
                'only': ('.npz', )}[self.soft]

    @property
    def alphas(self) -> tuple[float, ...]:
        """tuple[float, ...]: Alpha of each CRF; empty without one."""
        if not self.crf or self.soft == 'only':
            return ()
        return self.two_alpha or (self.alpha, )

    @property
    def crf_config(self) -> dict:
        """dict: Arguments of the CRF."""
        cfg = dict(preset=self.crf) if isinstance(self.crf, str) else dict(
            self.crf)
        if self.crf_backend != 'auto':
            cfg['backend'] = self.crf_backend
        return cfg

    def identity(self) -> dict:
        """Return what a manifest notes of it, plain JSON values."""
        return dict(
            threshold=self.threshold,
            band=list(self.band) if self.band else None,
            crf=dict(
                self.crf_config, alphas=list(self.alphas))
            if self.alphas else None,
            soft=self.soft)

    def __str__(self) -> str:
        if self.soft == 'only':
            return 'soft CAMs'
        if self.crf:
            alphas = ' and '.join(f'{alpha:g}' for alpha in self.alphas)
            return f'CRF {self.crf_config}, alpha {alphas}'
        if self.band:
            return f'ignored between thresholds {self.band}'
        return f'background threshold {self.threshold}'
