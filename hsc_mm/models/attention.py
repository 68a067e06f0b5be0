"""Attention maps of vision transformers, recorded without editing them."""
import contextlib
import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['AttentionRecord', 'record_attention']

#: Children of attention that is softmax(q k^T / sqrt(d)) and nothing more:
#: neither a bias of relative positions nor windows.
_PLAIN = frozenset([
    'qkv', 'q_norm', 'k_norm', 'attn_drop', 'norm', 'gate', 'proj',
    'proj_drop', 'out_drop', 'gamma1'
])


class AttentionRecord:
    """What the last forward pass of a backbone attended to.

    Attributes:
        maps (list[Tensor]): Attention of each block between patch tokens,
            (B, 1, n, n), or (B, heads, n, n); row i says how much token i
            takes of each other. Class tokens and registers are left out, so
            a row sums to less than one where there are any.
        grid (tuple[int, int], optional): (h, w) of the patches, h * w = n.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the last forward pass."""
        self.maps: list[Tensor] = []
        self.grid: tuple[int, int] | None = None

    def stacked(self) -> Tensor:
        """Return all maps, (B, C, n, n), C = blocks, or blocks * heads.

        Raises:
            ValueError: The backbone has not run, or its blocks see different
                numbers of patches.
        """
        if not self.maps:
            raise ValueError('record_attention: expected a forward pass of '
                             'the backbone inside of it, found none.')
        sizes = [tuple(one.shape[2:]) for one in self.maps]
        if len(set(sizes)) > 1:
            raise ValueError('record_attention: expected blocks with the same '
                             f'patches, found attention of {sizes}; choose a '
                             'smaller "last".')
        return torch.cat(self.maps, dim=1)

    def mean(self) -> Tensor:
        """Return the mean over blocks and heads, (B, n, n)."""
        return self.stacked().mean(dim=1)

    def add(self, query: Tensor, key: Tensor, heads: bool) -> None:
        """Record a block."""
        with torch.autocast(query.device.type, enabled=False):
            found = (query.float() @ key.float().transpose(2, 3)).softmax(3)
        total = found.shape[2]
        others = None if self.grid is None else total - math.prod(self.grid)
        if found.shape[2] != found.shape[3] or others is None or others < 0:
            raise ValueError(
                'record_attention: expected attention of all patches to each '
                f'other, found {tuple(found.shape[2:])} on the grid '
                f'{self.grid}; this block pools or windows its tokens. Choose '
                'a smaller "last", or another backbone.')
        found = found[:, :, others:, others:]
        self.maps.append(found if heads else found.mean(1, keepdim=True))


@contextlib.contextmanager
def record_attention(backbone: nn.Module,
                     last: int | None = None,
                     heads: bool = False,
                     grad: bool = False) -> Iterator[AttentionRecord]:
    """Record the attention of the last blocks, in a ``with`` statement.

    Works with the vision transformers of mmpretrain (ViT, DeiT, DINOv2),
    mmseg (ViT, the last stage of MiT) and timm, wrapped or not: whatever
    has :class:`torch.nn.MultiheadAttention` or the fused ``qkv`` of these
    libraries. Softmax of q k^T is computed a second time from q and k, for
    fused kernels do not show theirs. Outside of the statement nothing of it
    is left.

    Args:
        backbone (nn.Module): The transformer. Each forward pass of it
            forgets the one before.
        last (int, optional): Number of blocks; by default 8, as in CLIP-ES,
            or all where there are fewer.
        heads (bool): Whether heads are kept apart, else averaged.
        grad (bool): Whether gradients flow through the attention.

    Yields:
        AttentionRecord: Filled by a forward pass.

    Raises:
        ValueError: The backbone has no such attention, or less than
            ``last`` blocks; with ``grad`` it forgets activations
            (checkpointing); or a block turns out to use a mask.
    """
    blocks = [one for one in backbone.modules() if _is_plain(one)]
    name = type(backbone).__name__
    if last is None:
        last = max(1, min(8, len(blocks)))
    if not 0 < last <= len(blocks):
        raise ValueError(
            f'record_attention: expected {last} >= 1 blocks of plain '
            f'self-attention in {name}, found {len(blocks)}. It works with '
            'vision transformers of mmpretrain, mmseg and timm that have no '
            'windows and no bias of relative positions.')
    if grad and any(
            getattr(one, 'with_cp', False) or getattr(
                one, 'grad_checkpointing', False)
            for one in backbone.modules()):
        raise ValueError(f'record_attention: expected no checkpointing in '
                         f'{name} with grad=True; set with_cp=False.')
    record, hooks = AttentionRecord(), contextlib.ExitStack()

    def add(query: Tensor, key: Tensor) -> None:
        with torch.set_grad_enabled(grad and torch.is_grad_enabled()):
            record.add(query, key, heads)

    def see_grid(conv: nn.Module, args: tuple, out: Tensor) -> None:
        record.grid = tuple(out.shape[2:])

    def hook(handle: torch.utils.hooks.RemovableHandle) -> None:
        hooks.callback(handle.remove)

    with hooks:
        hook(backbone.register_forward_pre_hook(
            lambda *_: record.clear(), prepend=True))
        for conv in _patch_convs(backbone):
            hook(conv.register_forward_hook(see_grid))
        for block in blocks[-last:]:
            hook(block.register_forward_pre_hook(_refuse_mask,
                                                 with_kwargs=True))
            if isinstance(block, nn.MultiheadAttention):
                hook(block.register_forward_hook(
                    _of_torch(add), with_kwargs=True))
            else:
                hook(block.qkv.register_forward_hook(_of_qkv(block, add)))
        yield record


def _is_plain(module: nn.Module) -> bool:
    """Say whether a module is self-attention that can be computed again."""
    if isinstance(module, nn.MultiheadAttention):
        return module._qkv_same_embed_dim and module.bias_k is None \
            and not module.add_zero_attn
    qkv = getattr(module, 'qkv', None)
    return isinstance(qkv, nn.Linear) and hasattr(module, 'num_heads') \
        and not any(True for _ in module.parameters(recurse=False)) \
        and _PLAIN.issuperset(key for key, _ in module.named_children())


def _patch_convs(backbone: nn.Module) -> list[nn.Module]:
    """Return the convolutions that cut images into patches."""
    embeds = [one for one in backbone.modules()
              if 'PatchEmbed' in type(one).__name__]
    return [conv for embed in embeds for conv in list(embed.modules())
            if isinstance(conv, nn.Conv2d)]


def _refuse_mask(block: nn.Module, args: tuple, kwargs: dict) -> None:
    """Refuse masks, biases and rotations that are passed to a block."""
    torch_block = isinstance(block, nn.MultiheadAttention)
    given = [kwargs.get(key) for key in ('attn_mask', 'key_padding_mask')] \
        if torch_block else [*args[1:], *kwargs.values()]
    if any(one is not None and one is not False and isinstance(
            one, Tensor | tuple | bool) for one in given):
        raise ValueError(
            f'record_attention: expected {type(block).__name__} to be called '
            'without a mask or rotary positions, found one; it cannot be '
            'recorded.')


def _of_qkv(block: nn.Module, add: Callable) -> Callable:
    """Return a hook for the linear layer that makes q, k and v."""

    def see(qkv: nn.Module, args: tuple, out: Tensor) -> None:
        out = out.unflatten(2, (3, block.num_heads, -1))  # (B, N, 3, h, d)
        query, key = (out[:, :, i].transpose(1, 2) for i in (0, 1))
        query = getattr(block, 'q_norm', nn.Identity())(query)
        key = getattr(block, 'k_norm', nn.Identity())(key)
        add(query * query.shape[-1]**-0.5, key)

    return see


def _of_torch(add: Callable) -> Callable:
    """Return a hook for torch's attention, which shows no q and k."""

    def see(block: nn.MultiheadAttention, args: tuple, kwargs: dict,
            out: tuple) -> None:
        inputs = [
            args[i] if len(args) > i else kwargs[name]
            for i, name in enumerate(('query', 'key'))
        ]
        weight = block.in_proj_weight.chunk(3)
        bias = (None, None) if block.in_proj_bias is None \
            else block.in_proj_bias.chunk(3)
        query, key = (
            F.linear(value if block.batch_first else value.transpose(0, 1),
                     weight[i], bias[i]).unflatten(
                         2, (block.num_heads, -1)).transpose(1, 2)
            for i, value in enumerate(inputs))
        add(query * query.shape[-1]**-0.5, key)

    return see
