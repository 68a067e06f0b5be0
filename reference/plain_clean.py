"""The contrast of recipe 'clean', once more with plain loops, in float64.

Written from the formulas alone: one image, position, class and view at a
time. A bank is a list of rows, None where a row has not been seen.
"""
import torch

TAU, MOMENTUM, WEIGHT = 0.1, 0.5, 0.1


def random_inputs(seed=0, batch=3, classes=4, grid=(6, 5), channels=(7, 6)):
    """Draw refined CAMs, masks, embeddings and labels of two views."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(batch, *shape, *grid, generator=generator)

    label = (torch.rand(batch, classes, generator=generator) < 0.5).float()
    label[torch.arange(batch), torch.arange(batch) % classes] = 1.0
    held = torch.cat([torch.ones(batch, 1), label], 1)[:, :, None, None]
    return dict(
        label=label,
        refined=[draw(classes + 1).abs() for _ in range(2)],
        masks=[(draw(classes + 1).exp() * held).argmax(1) for _ in range(2)],
        regions=[draw(channels[0]).requires_grad_() for _ in range(2)],
        pixels=[draw(channels[1]).requires_grad_() for _ in range(2)])


def _unit(vector):
    return vector / vector.norm().clamp(min=1e-12)


def move(bank, news):
    """Move rows by what was observed; None was not observed."""
    rows = []
    for old, new in zip(bank, news, strict=True):
        if new is None:
            rows.append(old)
        elif old is None:
            rows.append(_unit(new.detach()))
        else:
            new = MOMENTUM * _unit(new.detach()) + (1 - MOMENTUM) * old
            rows.append(_unit(new))
    return rows


def weights(r_hat, label):
    """Weights of positions: for the class level, for the pixel level."""
    batch, channels, height, width = r_hat.shape
    classes = torch.zeros_like(r_hat, dtype=torch.float64)
    pixel = torch.zeros_like(classes)
    for b in range(batch):
        held = [k for k in range(1, channels) if label[b, k - 1]]
        for i in range(height):
            for j in range(width):
                score = {k: max(r_hat[b, k, i, j].item(), 0.0) for k in held}
                score[0] = 1 - max(score.values(), default=0.0)
                total = sum(torch.tensor(s).exp() for s in score.values())
                for k, value in score.items():
                    if value > 0:
                        share = torch.tensor(value).exp() / total
                        pixel[b, k, i, j] = value
                        classes[b, k, i, j] = share
    return classes, pixel


def _separation(first, second):
    terms = [
        -torch.log(1 - (a @ b).clamp(5e-4, 0.9995)) for a in first
        for b in second if a is not None and b is not None
    ]
    return sum(terms) / len(terms) if terms else 0.0


def roi_loss(regions, masks, banks, within=True, cross=True, prototype=True):
    """Return loss and moved banks; banks[v][kind], kind 0 is background."""
    means = []  # [view][kind][image]
    for region, mask in zip(regions, masks, strict=True):
        view = ([], [])
        for feat, labels in zip(region, mask, strict=True):
            found = ([], [])
            for i in range(labels.shape[0]):
                for j in range(labels.shape[1]):
                    if labels[i, j] < 0:
                        continue
                    found[int(labels[i, j] != 0)].append(_unit(feat[:, i, j]))
            for kind in range(2):
                view[kind].append(
                    _unit(sum(found[kind]) /
                          len(found[kind])) if found[kind] else None)
        means.append(view)
    loss = 0.0
    for v in range(2):
        if within:
            loss = loss + _separation(means[v][0], means[v][1]) / 2
        if cross:
            loss = loss + _separation(means[v][0], means[1 - v][1]) / 2
        for kind in range(2):
            row = banks[v][kind]
            exist = [m for m in means[v][kind] if m is not None]
            if prototype and row is not None and exist:
                loss = loss + sum(
                    (row - m).abs().mean() for m in exist) / len(exist) / 2
    news = [[_mean(kind) for kind in view] for view in means]
    return WEIGHT * loss, [
        move(b, n) for b, n in zip(banks, news, strict=True)]


def _mean(vectors):
    exist = [v for v in vectors if v is not None]
    return sum(exist) / len(exist) if exist else None


def _nce(vector, bank, target):
    """-log softmax(cos / tau)[target] over the rows that were seen."""
    rows = torch.stack([row for row in bank if row is not None])
    own = sum(row is not None for row in bank[:target])
    logits = rows @ vector / TAU
    return logits.logsumexp(0) - logits[own]


def _strongest(weight, embedding, top):
    """Return the weighted sum, and the sum of weights, of the strongest."""
    flat = weight.flatten().float().tolist()
    vectors = embedding.permute(0, 2, 3, 1).flatten(0, 2)
    least = sorted(flat)[-min(top, len(flat))]
    above = [i for i, value in enumerate(flat) if value > least]
    tied = [i for i, value in enumerate(flat) if value == least]
    # Equal weights share the places that are left.
    share = (min(top, len(flat)) - len(above)) / len(tied)
    parts = [(i, flat[i]) for i in above] + [(i, share * least) for i in tied]
    return (sum(part * vectors[i] for i, part in parts),
            sum(part for _, part in parts))


def class_loss(regions, weight, label, banks, top, bank_top, within=True,
               cross=True):
    """Return loss and moved banks; weight[v] is of the class level."""
    present = set()
    news = [[None] * len(bank) for bank in banks]
    loss = 0.0
    for v in range(2):
        for k in range(label.shape[1] + 1):
            total, share = _strongest(weight[v][:, k], regions[v], top)
            if share == 0:
                continue
            present.add(k)
            for w in range(2):
                counts = within if v == w else cross
                if counts and banks[w][k] is not None:
                    loss = loss + _nce(_unit(total), banks[w], k)
            total, share = _strongest(weight[v][:, k], regions[v], bank_top)
            news[v][k] = total / share
    moved = [move(b, n) for b, n in zip(banks, news, strict=True)]
    return WEIGHT * loss / len(present) / 4, moved


def pixel_loss(pixels, weight, masks, banks, within=True,
               cross_prototype=True, cross_label=True, memory=True):
    """Return loss and moved banks; weight[v] is of the pixel level."""
    current = []
    for u, one in zip(pixels, weight, strict=True):
        rows = []
        for k in range(one.shape[1]):
            top = max(u.shape[2] * u.shape[3] // 16, 1)
            total, share = _strongest(one[:, k], u.detach(), top)
            rows.append(_unit(total / share) if share > 0 else None)
        current.append(rows)
    loss = 0.0
    for v in range(2):
        for mask, rows, counts in (
            (masks[v], current[v], within),
            (masks[v], current[1 - v], cross_prototype),
            (masks[1 - v], current[v], cross_label),
            (masks[v], banks[v], memory)):
            if counts:
                loss = loss + _pixel_mean(pixels[v], mask, rows) / 2
    return WEIGHT * loss, [
        move(b, q) for b, q in zip(banks, current, strict=True)]


def _pixel_mean(pixel, mask, rows):
    terms = []
    for feat, labels in zip(pixel, mask, strict=True):
        for i in range(labels.shape[0]):
            for j in range(labels.shape[1]):
                if labels[i, j] >= 0 and rows[labels[i, j]] is not None:
                    terms.append(
                        _nce(_unit(feat[:, i, j]), rows, int(labels[i, j])))
    return sum(terms) / len(terms) if terms else 0.0
