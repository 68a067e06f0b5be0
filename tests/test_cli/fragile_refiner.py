"""A refiner with bad days, where worker processes can import it."""
from hsc_mm.pseudo_labels import SoftCAM
from hsc_mm.pseudo_labels.refiners import Refiner


class Fragile(Refiner):
    """Fails, or returns too little, as the first pixel says."""

    def __init__(self, bad: float, short: float) -> None:
        self.bad, self.short = bad, short

    def refine(self, soft: SoftCAM) -> SoftCAM:
        if soft.cam[0, 0, 0] == self.bad:
            raise RuntimeError('no memory')
        if soft.cam[0, 0, 0] == self.short:
            return soft._replace(cam=soft.cam[:, :2])
        return soft

    def identity(self) -> dict:
        return dict(type='Fragile')
