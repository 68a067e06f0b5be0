"""What a process of two does; importable, so that it can be spawned."""
import multiprocessing
import os
import socket

import torch
import torch.distributed as dist
from methods import head_config
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample

from hsc_mm.evaluation import SeedMetric
from hsc_mm.models import CAMHead, MomentumPrototypes, ScaledFeatures
from hsc_mm.models.losses import BootstrappedCrossEntropyLoss

META = dict(classes=('background', 'cat', 'dog'), split='train')


def _sample(number):
    generator = torch.Generator().manual_seed(number)
    cam = torch.rand(2, 8, 9, generator=generator)
    logits = torch.cat([torch.full_like(cam[:1], 0.4), cam])
    return dict(
        img_path=f'{number}.jpg',
        seg_logits=dict(data=logits),
        pred_sem_seg=dict(data=logits.argmax(0, keepdim=True)),
        gt_sem_seg=dict(
            data=torch.randint(0, 3, (1, 8, 9), generator=generator)),
        cls_scores=cam.amax((1, 2)),
        bg_threshold=0.4,
        use_image_labels=True,
        views=1)


def evaluate(numbers, size):
    metric = SeedMetric()
    metric.dataset_meta = META
    for number in numbers:
        metric.process({}, [_sample(number)])
    return metric.evaluate(size)


def _join(rank, port):
    os.environ.update(
        MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), RANK=str(rank),
        WORLD_SIZE='2', LOCAL_RANK=str(rank))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=2)


def _process(rank, port, queue, work):
    _join(rank, port)
    queue.put((rank, work(rank)))
    dist.barrier()
    dist.destroy_process_group()


def on_two_ranks(work):
    """Call a function of the rank in two processes; return what they gave."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['hsc_mm', 'mmseg.models'])
    queue = context.Queue()
    ranks = [context.Process(target=_process, args=(rank, port, queue, work))
             for rank in range(2)]
    for process in ranks:
        process.start()
    found = dict(queue.get(timeout=120) for _ in ranks)
    for process in ranks:
        process.join(timeout=60)
        assert process.exitcode == 0
    return list(found.values())


def evaluate_share(rank):
    # Five images on two ranks: the sampler gives the first one twice.
    return evaluate([0, 2, 4] if rank == 0 else [1, 3, 0], 5)


def evaluate_nothing(rank):
    try:
        return evaluate([0] if rank == 0 else [], 1)
    except ValueError as error:
        return str(error)


def measured_factor(rank):
    neck = ScaledFeatures(2.0)
    neck((torch.full((1, 1, 2, 2), 1.0 if rank else 7.0), ))
    return float(neck.factor)


#: Rank 0 has two images without class 3, rank 1 two without class 2.
LABELS = ((1, 1, 0), (0, 1, 0), (1, 0, 1), (0, 0, 1))
RECIPES = ('clean', 'release', 'shares', 'ties')


def _head(recipe):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    methods = dict(
        release=('seam', 'hsc', 'hsc_release'),
        ties=('hsc', )).get(recipe, ('seam', 'hsc'))
    refiner = None if recipe == 'ties' else dict(
        type='hsc_mm.PixelCorrelation', in_channels=(6, 8), in_index=(0, 1),
        reduced=(4, 4), embed_channels=6)
    levels = dict(
        cls=dict(top=20, bank_top=6), pixel=dict(loss_weight=0.1))
    masks = dict(background=(0.5, 0.8), background_as='quantile') if (
        recipe == 'shares') else dict(
            background=0.1, background_as='score')
    head = CAMHead(**head_config(
        *methods, in_channels=10, num_classes=4, refiner=refiner,
        embeddings=dict(region=dict(channels=7), pixel=dict(channels=6)),
        losses=dict(cls=dict(type='hsc_mm.ClassificationLoss'),
                    contrast=dict(masks, levels=levels))))
    head.init_weights()
    with torch.no_grad():
        head.classifier.weight.mul_(30)
    return head.train()


def _views(step, images):
    """Draw the joined batch, and return some of its images."""
    generator = torch.Generator().manual_seed(step)
    views = []
    for size in ((9, 11), (6, 5)):
        maps = [
            torch.randn(len(LABELS), wide, *size, generator=generator)
            for wide in (6, 8, 10)
        ]
        image = torch.randn(
            len(LABELS), 3, size[0] * 8, size[1] * 8, generator=generator)
        views.append((tuple(one[images].relu() for one in maps),
                      image[images]))
    samples = []
    for number in images:
        one = SegDataSample(metainfo=dict(num_labels=sum(LABELS[number])))
        one.gt_label = torch.tensor(LABELS[number], dtype=torch.float32)
        samples.append(one)
    return views, samples


def _over_ranks(value):
    """Average what ranks have, as DistributedDataParallel does."""
    value = value.detach().clone()
    if dist.is_initialized():
        dist.all_reduce(value)
        value /= dist.get_world_size()
    return value.tolist()


def contrast_steps(recipe, images, steps=3):
    """Return losses, gradients and banks of each iteration, as lists."""
    head = _head(recipe)
    found = []
    for step in range(steps):
        views, samples = _views(step, images)
        losses = head.loss(views, samples)
        head.zero_grad()
        sum(losses.values()).backward()
        banks = {
            name: one for name, one in head.named_modules()
            if isinstance(one, MomentumPrototypes)
        }
        for bank in banks.values():
            bank.commit()
        one = {name: _over_ranks(loss) for name, loss in losses.items()}
        for name, weight in head.named_parameters():
            if weight.requires_grad:
                one[name] = _over_ranks(weight.grad)
        for name, bank in banks.items():
            one[name] = bank.rows.tolist()
            one[f'{name}.seen'] = bank.seen.float().tolist()
        found.append(one)
    return found


def contrast_share(rank):
    images = [0, 1] if rank == 0 else [2, 3]
    return {recipe: contrast_steps(recipe, images)
            for recipe in RECIPES}


#: Pixels of each image that are not ignored: far from equal, or none.
COUNTED = ((80, 5), (60, 0))


def noisy_labels(images, counted):
    """Return the gradient of a mean over the pixels that count."""
    score = torch.randn(2, 3, 8, 10, generator=torch.manual_seed(0))
    label = torch.arange(80).reshape(8, 10) % 3
    score = score[images].requires_grad_()
    labels = torch.stack([
        torch.where(torch.arange(80).reshape(8, 10) < counted[i], label, 255)
        for i in images])
    BootstrappedCrossEntropyLoss()(score, labels).backward()
    return score.grad


def noisy_label_share(rank):
    """That of an image, as DistributedDataParallel averages it."""
    return [(noisy_labels([rank], counted) / 2).tolist()
            for counted in COUNTED]
