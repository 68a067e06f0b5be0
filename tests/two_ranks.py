"""What a process of two does; importable, so that it can be spawned."""
import os

import torch

from hsc_mm.evaluation import SeedMetric

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


def rank_process(rank, port, queue):
    os.environ.update(
        MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), RANK=str(rank),
        WORLD_SIZE='2', LOCAL_RANK=str(rank))
    torch.distributed.init_process_group('gloo', rank=rank, world_size=2)
    # Five images on two ranks: the sampler gives the first one twice.
    found = evaluate([0, 2, 4] if rank == 0 else [1, 3, 0], 5)
    queue.put((rank, found))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
