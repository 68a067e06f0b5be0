"""A segmentor whose predictions are refined by a dense CRF."""
import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel
from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType, OptConfigType, SampleList

from hsc_mm.crf import build_crf
from hsc_mm.registry import MODELS
from hsc_mm.utils import check_number, read_image
from hsc_mm.utils.headers import read_header
from hsc_mm.utils.pixels import as_colours, as_rgb, turn
from .merged_views import MergedViews
from .seg_tta import mean_probability, set_prediction

__all__ = ['CRFRefinedSegmentor', 'refine_present']

_BACK = {6: 8, 8: 6}  # EXIF's turns that are not undone by themselves


def refine_present(crf, prob: np.ndarray, image: np.ndarray,
                   min_prob: float) -> np.ndarray:
    """Refine the classes that an image may hold; the time grows with them.

    Args:
        crf (Callable): A :class:`hsc_mm.crf.DenseCRF`.
        prob (np.ndarray): Probabilities, (C, H, W) float32.
        image (np.ndarray): RGB, (H, W, 3) uint8.
        min_prob (float): A class that reaches this probability nowhere is
            left out. Somewhere one class has 1 / C at least.

    Returns:
        np.ndarray: Posterior, (C, H, W) float32; 0 of classes left out.
    """
    present = prob.max(axis=(1, 2)) >= min(min_prob, 1 / len(prob))
    posterior = np.zeros_like(prob)
    posterior[present] = crf(prob[present], image)
    return posterior


@MODELS.register_module()
class CRFRefinedSegmentor(MergedViews):
    """Refine what a segmentor predicts by the colours of the image.

    ``test_step -> module.test_step (each view) -> merge_preds ->
    mean_probability -> refine_present``. With a ``TestTimeAug`` pipeline the
    CRF comes after the mean of the views' probabilities, which is that of
    :class:`hsc_mm.SegTTAModel`; otherwise there is one view. Checkpoints are
    those of the module. For evaluation only: train the module.

    The image is ``image`` (H, W, 3 or N) uint8 of the metainfo of a sample
    if that is there, BGR of three bands. Otherwise it is read again from
    ``img_path`` as it is stored, at its original size, turned as EXIF says
    if the prediction is.

    A sample gets ``pred_sem_seg`` (1, H, W), the class of the highest
    posterior (of one channel: whether it is above the head's threshold),
    and ``seg_logits``, the logarithm of the posterior (C, H, W) (of one
    channel: the posterior of the foreground). Everything else of it is that
    of the first view.

    Args:
        module (dict): Config of a segmentor of mmseg.
        crf (dict, optional): Arguments of :class:`hsc_mm.crf.DenseCRF`; the
            preset is ``'segmentation'`` by default.
        min_prob (float): Classes that reach this probability nowhere in an
            image stay out of its CRF, in [0, 1]; 0 takes all in.
        data_preprocessor (dict, optional): mmengine's runner passes the
            variable of that name in a config; it counts only where the
            module has none.

    Raises:
        ValueError: The module makes seeds or merges views, an argument is
            bad, or the image of a sample cannot be found or does not fit.
    """
    merges_maps = True
    #: Whether samples need ``image`` where they have no file.
    reads_image = True

    def __init__(self,
                 module: ConfigType,
                 crf: OptConfigType = None,
                 min_prob: float = 0.01,
                 data_preprocessor: OptConfigType = None) -> None:
        super().__init__(module, data_preprocessor)
        if isinstance(self.module, BaseTTAModel) or getattr(
                self.module, 'predicts_seeds', False):
            raise ValueError(
                'module of CRFRefinedSegmentor: expected a segmentor such as '
                f'EncoderDecoder, found {type(self.module).__name__}. '
                '"python -m hsc_mm make_pseudo_labels --crf" refines CAMs; '
                'views are merged here, without SegTTAModel.')
        check_number('min_prob of CRFRefinedSegmentor', min_prob, least=0,
                     most=1)
        self.crf = build_crf({'preset': 'segmentation', **(crf or {})})
        self.min_prob = min_prob
        print_log(f'predictions are refined by {self.crf}', logger='current')

    def test_step(self, data: dict) -> SampleList:
        """Predict a batch of images, or of lists of views.

        Args:
            data (dict): ``inputs`` and ``data_samples`` of a data loader.

        Returns:
            list[SegDataSample]: One for each image.
        """
        if isinstance(data['data_samples'][0], list | tuple):
            return super().test_step(data)
        return self.merge_preds([(s, ) for s in self.module.test_step(data)])

    def val_step(self, data: dict) -> SampleList:
        """Do the same."""
        return self.test_step(data)

    def merge(self, views: SampleList) -> SegDataSample:
        """Average the probabilities of the views and refine them."""
        prob = mean_probability(views, self.module.out_channels)
        image = _image(views[0], tuple(prob.shape[1:]))
        posterior = torch.from_numpy(
            refine_present(self.crf, prob.cpu().numpy(), image,
                           self.min_prob)).to(prob)
        return set_prediction(views[0], posterior, self.module)


def _image(sample: SegDataSample, size: tuple[int, int]) -> np.ndarray:
    """Return the image of a prediction, (H, W, 3) uint8 RGB."""
    image = sample.metainfo.get('image')
    if image is not None:
        return as_rgb(image)
    path = sample.metainfo.get('img_path')
    if path is None:
        raise ValueError(
            'img_path: expected it in the metainfo of a sample, because the '
            'CRF needs the image; found '
            f'{sorted(k for k, v in sample.metainfo.items() if v is not None)}'
            '. Add it to meta_keys of the packing transform, or, for arrays, '
            'image to the metainfo.')
    image = as_colours(
        read_image(path, **sample.metainfo.get('reading', {})))
    stored = read_header(path).orientation
    for turned in (image, turn(image, _BACK.get(stored, stored))):
        if turned.shape[:2] == size:
            return np.ascontiguousarray(turned[..., ::-1])
    raise ValueError(
        f'{path}: expected an image of the size of its prediction, {size}, '
        f'found {image.shape[:2]}. Was the file replaced, or does the '
        'pipeline crop before ori_shape is noted?')
