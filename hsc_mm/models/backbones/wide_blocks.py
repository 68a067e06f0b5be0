"""Pre-activated residual blocks of ResNet-38d."""
from mmcv.cnn import build_norm_layer
from mmseg.utils import ConfigType
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ['WideBlock', 'WideBottleneck', 'conv', 'norm_relu']


def conv(inputs: int, outputs: int, size: int, stride: int = 1,
          dilation: int = 1) -> nn.Conv2d:
    """Return a bias-free convolution that keeps the size at stride 1."""
    return nn.Conv2d(
        inputs, outputs, size, stride, padding=dilation * (size // 2),
        dilation=dilation, bias=False)


def norm_relu(norm: nn.Module, x: Tensor) -> Tensor:
    """Normalise, then rectify."""
    return F.relu(norm(x), inplace=True)


class WideBlock(nn.Module):
    """Pre-activation block of two 3x3 convolutions, of other dilations each.

    With a = relu(BN(x)), the result is ``shortcut + conv(relu(BN(conv(a))))``.
    The shortcut is x, or a 1x1 convolution of a where the shape changes; it
    and the first convolution have the stride.
    """

    def __init__(self, inputs: int, mid: int, outputs: int, stride: int,
                 dilations: tuple[int, int], norm_cfg: ConfigType) -> None:
        super().__init__()
        self.bn_branch2a = build_norm_layer(norm_cfg, inputs)[1]
        self.conv_branch2a = conv(inputs, mid, 3, stride, dilations[0])
        self.bn_branch2b1 = build_norm_layer(norm_cfg, mid)[1]
        self.conv_branch2b1 = conv(mid, outputs, 3, 1, dilations[1])
        self.conv_branch1 = None
        if inputs != outputs or stride != 1:
            self.conv_branch1 = conv(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the result and a, the activated input."""
        activated = norm_relu(self.bn_branch2a, x)
        out = self.conv_branch2a(activated)
        out = self.conv_branch2b1(norm_relu(self.bn_branch2b1, out))
        if self.conv_branch1 is not None:
            x = self.conv_branch1(activated)
        return x + out, activated


class WideBottleneck(nn.Module):
    """Pre-activation block of 1x1, 3x3 (dilated) and 1x1 convolutions.

    Whole channels are dropped before the second and the third; the result
    has twice as many channels as the input.
    """

    def __init__(self, inputs: int, dilation: int, dropout: float,
                 norm_cfg: ConfigType) -> None:
        super().__init__()
        half, outputs = inputs // 2, inputs * 2
        self.bn_branch2a = build_norm_layer(norm_cfg, inputs)[1]
        self.conv_branch2a = conv(inputs, half, 1)
        self.bn_branch2b1 = build_norm_layer(norm_cfg, half)[1]
        self.conv_branch2b1 = conv(half, inputs, 3, 1, dilation)
        self.bn_branch2b2 = build_norm_layer(norm_cfg, inputs)[1]
        self.conv_branch2b2 = conv(inputs, outputs, 1)
        self.conv_branch1 = conv(inputs, outputs, 1)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the result and the activated input."""
        activated = norm_relu(self.bn_branch2a, x)
        out = self.conv_branch2a(activated)
        out = self.dropout(norm_relu(self.bn_branch2b1, out))
        out = self.conv_branch2b1(out)
        out = self.dropout(norm_relu(self.bn_branch2b2, out))
        out = self.conv_branch2b2(out)
        return self.conv_branch1(activated) + out, activated
