"""The network: one EfficientNet-Lite0 trunk over one crop, without BatchNorm, and a linear head.

The architecture is that of Tan and Le, "EfficientNet" (2019), in the "lite" variant of the TensorFlow TPU repository:
no squeeze-and-excitation, ReLU6. BatchNorm is folded into the convolutions before the training starts: with its
statistics frozen it would do nothing else, and a graph without it is the graph that is served.
"""

import torch
from torch import Tensor, nn

FEATURES = 1280
INPUT_SCALE, INPUT_OFFSET = 1 / 63.75, -2.0  # 0 to 255 becomes -2 to 2
_STEM_LAYERS = 3  # padding, convolution, ReLU6
_STAGES = (
    # kernel, stride, channels into the depthwise convolution, channels out; each row is one block
    (3, 1, 32, 16),
    (3, 2, 96, 24),
    (3, 1, 144, 24),
    (5, 2, 144, 40),
    (5, 1, 240, 40),
    (3, 2, 240, 80),
    (3, 1, 480, 80),
    (3, 1, 480, 80),
    (5, 1, 480, 112),
    (5, 1, 672, 112),
    (5, 1, 672, 112),
    (5, 2, 672, 192),
    (5, 1, 1152, 192),
    (5, 1, 1152, 192),
    (5, 1, 1152, 192),
    (3, 1, 1152, 320),
)


class Block(nn.Module):
    """An inverted residual (Sandler et al., "MobileNetV2", 2018): widen, filter each channel, narrow."""

    def __init__(self, kernel: int, stride: int, before: int, wide: int, after: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [] if wide == before else [nn.Conv2d(before, wide, 1), nn.ReLU6()]
        layers += [*_filter(wide, wide, kernel, stride, groups=wide), nn.ReLU6(), nn.Conv2d(wide, after, 1)]
        self.layers = nn.Sequential(*layers)
        self.is_residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """[n, before, h, w] → [n, after, h / stride, w / stride]."""
        out: Tensor = self.layers(x)
        return x + out if self.is_residual else out


class LivenessNetwork(nn.Module):
    """[n, 3, 128, 128] float32 RGB in 0 to 255 → [n] logits of P(live).

    The stem and the first `frozen_blocks` blocks, where there are any, keep the weights that they begin with.
    """

    def __init__(self, frozen_blocks: int = 0) -> None:
        super().__init__()
        self._frozen = _STEM_LAYERS + frozen_blocks if frozen_blocks else 0
        blocks: list[nn.Module] = [*_filter(3, 32, 3, 2), nn.ReLU6()]
        before = 32
        for kernel, stride, wide, after in _STAGES:
            blocks.append(Block(kernel, stride, before, wide, after))
            before = after
        self.trunk = nn.Sequential(*blocks, nn.Conv2d(before, FEATURES, 1), nn.ReLU6())
        self.head = nn.Linear(FEATURES, 1)
        self.trunk[: self._frozen].requires_grad_(False)

    def early(self, x: Tensor) -> Tensor:
        """What the frozen blocks make of the crops; they learn nothing, so that it can be kept between epochs."""
        with torch.no_grad():
            out: Tensor = self.trunk[: self._frozen](x * INPUT_SCALE + INPUT_OFFSET)
        return out

    def features(self, x: Tensor) -> Tensor:
        """[n, 1280]: what the head sees, from what `early` gave."""
        out: Tensor = self.trunk[self._frozen :](x).mean((2, 3))
        return out

    def late(self, x: Tensor) -> Tensor:
        """The logits, from what `early` gave."""
        out: Tensor = self.head(self.features(x))
        return out[:, 0]

    def forward(self, x: Tensor) -> Tensor:
        """The logits, from the crops."""
        return self.late(self.early(x))


def _filter(before: int, after: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    """A convolution padded as TensorFlow's "SAME" does for an even side: with a stride, less above than below."""
    if stride == 1:
        return [nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups)]
    first, last = (kernel - 2) // 2, (kernel - 1) // 2
    return [nn.ZeroPad2d((first, last, first, last)), nn.Conv2d(before, after, kernel, stride, groups=groups)]


def parameters_of(network: LivenessNetwork) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of every convolution, in the order in which a picture passes them."""
    convolutions = [module for module in network.trunk.modules() if isinstance(module, nn.Conv2d)]
    return [(module.weight, module.bias) for module in convolutions if module.bias is not None]
