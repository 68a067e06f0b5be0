"""HSC in a plain PyTorch loop: hsc_mm.functional needs torch alone.

A tiny network learns image labels of coloured squares; the three levels of
contrast shape its embeddings. Run it: python examples/plain_pytorch.py
"""
import torch
from torch import nn

from hsc_mm import functional as hsc

torch.manual_seed(0)
classes, grid = 3, (16, 16)  # the background is not counted
net = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(),
                    nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU())
classify = nn.Conv2d(32, classes + 1, 1, bias=False)
pixel, region = nn.Conv2d(32, 16, 1), nn.Conv2d(32, 16, 1)
banks = {name: [hsc.MomentumPrototypes(rows, 16) for _ in range(2)]
         for name, rows in (('roi', 2), ('cls', classes + 1),
                            ('pixel', classes + 1))}
modules = nn.ModuleList([net, classify, pixel, region])
optimizer = torch.optim.Adam(modules.parameters(), 0.01)

for step in range(60):
    labels = nn.functional.one_hot(torch.arange(6) % classes, classes).float()
    images = torch.randint(0, 90, (6, 3, 48, 48)).float()
    images[torch.arange(6), labels.argmax(1), 12:32, 12:32] += 150
    views = [images, hsc.resize_bilinear(images, (32, 32))]
    feats = [net(view / 255) for view in views]
    cams = [classify(feat) for feat in feats]
    loss = sum(hsc.multilabel_soft_margin_loss(hsc.class_scores(cam), labels)
               for cam in cams) / 2
    held = torch.cat([torch.ones(6, 1), labels], 1)
    maps = [hsc.contrast_cam(hsc.resize_bilinear(cam, grid)) for cam in cams]
    masks = [hsc.contrast_mask(one, held, 0.3) for one in maps]
    pairwise = hsc.pairwise_matrix(hsc.resize_bilinear(images, grid).floor())
    masks = hsc.crf_from_labels(
        torch.stack(masks, 1), pairwise, classes + 1).unbind(1)
    weights = [hsc.contrast_weights(one, held) for one in maps]
    z, u = ([hsc.resize_bilinear(embed(feat), grid) for feat in feats]
            for embed in (region, pixel))
    known = {name: [bank.snapshot() for bank in both]
             for name, both in banks.items()}
    terms = dict(
        roi=hsc.roi_contrast(z, masks, known['roi']),
        cls=hsc.class_contrast(z, [w[0] for w in weights], held,
                               known['cls']),
        pixel=hsc.pixel_contrast(u, [w[1] for w in weights], masks,
                                 known['pixel']))
    optimizer.zero_grad()
    (loss + 0.1 * sum(term for term, _ in terms.values())).backward()
    optimizer.step()
    for name, (_, observed) in terms.items():
        for bank, one in zip(banks[name], observed, strict=True):
            bank.stage(one)
            bank.commit()
    if step % 20 == 19:
        print(f'step {step + 1}: classification {loss:.3f}, ' + ', '.join(
            f'{name} {term:.3f}' for name, (term, _) in terms.items()))
