"""Random CAMs with masks, samples of them, and their scores by loops."""
import numpy as np
import torch

CLASSES = ('background', 'cat', 'dog', 'cow')


def random_images(count=4, seed=0):
    """Random CAMs with ties, and masks with ignored pixels."""
    generator = torch.Generator().manual_seed(seed)
    for number in range(count):
        shape = (9 + number, 11)
        cam = torch.rand(3, *shape, generator=generator)
        cam = (cam * 20).round() / 20  # many values on the grid
        cam[number % 3] = 0
        target = torch.randint(0, 4, shape, generator=generator)
        target[0, :3] = 255
        yield cam, target


def slow_scores(images, threshold):
    """Compute IoU, FP and FN shares pixel by pixel."""
    hit, wrong, missed = np.zeros(4), np.zeros(4), np.zeros(4)
    for cam, target in images:
        for y in range(target.shape[0]):
            for x in range(target.shape[1]):
                truth = int(target[y, x])
                if truth == 255:
                    continue
                values = [threshold, *cam[:, y, x].tolist()]
                found = int(np.argmax(np.array(values, dtype=np.float32)))
                if found == truth:
                    hit[truth] += 1
                else:
                    wrong[found] += 1
                    missed[truth] += 1
    union = hit + wrong + missed
    return hit / union, wrong / union, missed / union


def seed_samples(images, threshold=0.3):
    for number, (cam, target) in enumerate(images):
        logits = torch.cat([torch.full_like(cam[:1], threshold), cam])
        yield dict(
            img_path=f'p/{number}.jpg',
            seg_logits=dict(data=logits),
            pred_sem_seg=dict(data=logits.argmax(0, keepdim=True)),
            gt_sem_seg=dict(data=target[None]),
            cls_scores=cam.amax((1, 2)),
            bg_threshold=threshold,
            use_image_labels=True,
            views=1)
