"""Cases of torchvision's networks: paths and shapes of their states, and what they compute.

Weights and images are not stored: both sides draw them by `drawn`, a hash of their place.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torchvision import models, ops

from record import tensor

PUBLISHED = ["alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg16_bn", "resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2"]


def drawn(place: int, size: int) -> np.ndarray:
    """Numbers in [0, 1), the same in both languages: multiplications and shifts of 32 bits."""
    x = np.arange(size, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(place * 40503)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    x = (x ^ (x >> np.uint32(12))) * np.uint32(0x297A2D39)
    return ((x ^ (x >> np.uint32(15))) >> np.uint32(8)).astype(np.float64) / 2**24


@torch.no_grad()
def fill(module: nn.Module) -> nn.Module:
    """Weights as He's, everything else around its start."""
    for place, (path, value) in enumerate(module.state_dict().items()):
        if path.endswith("num_batches_tracked"):
            continue
        numbers = drawn(place, value.numel()).reshape(value.shape)
        if value.dim() > 1:
            numbers = (2 * numbers - 1) * math.sqrt(6 * value.shape[0] / value.numel())
        elif path.endswith("weight") or path.endswith("running_var"):
            numbers = numbers + 0.5
        else:
            numbers = numbers - 0.5
        value.copy_(torch.from_numpy(numbers.astype(np.float32)))
    return module


def published(name: str) -> dict:
    with torch.device("meta"):
        module = getattr(models, name)()
    state = [[path, *value.shape] for path, value in module.state_dict().items()]
    return {"name": f"the state of {name}", "network": name, "state": state, "parameters": sum(value.numel() for value in module.parameters())}


def computed(name: str, module: nn.Module, shape: tuple[int, ...], training: bool = False) -> dict:
    fill(module).train(training)
    images = torch.from_numpy((2 * drawn(1000, math.prod(shape)) - 1).astype(np.float32).reshape(shape))
    output = module(images)
    case = {"name": f"{name} in {'training' if training else 'evaluation'}", "network": name, "mode": "train" if training else "eval", "images": list(shape)}
    if training:
        output.square().mean().backward()
        case["gradients"] = {path: float(value.grad.norm()) for path, value in module.named_parameters() if path in ("conv1.weight", "bn1.bias", "layer3.0.downsample.0.weight", "layer4.1.conv2.weight", "fc.weight")}
    return {**case, "output": tensor(output.detach().numpy())}


class Narrow(models.ResNet):
    """torchvision's residual network with an eighth of its channels."""

    def __init__(self, block, depths: list[int]):
        super().__init__(block, depths)
        self.fc = nn.Linear(64 * block.expansion, 10)

    def _make_layer(self, block, planes: int, *args, **options) -> nn.Sequential:
        if planes == 64:
            self.inplanes, self.conv1, self.bn1 = 8, nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
        return super()._make_layer(block, planes // 8, *args, **options)


def vgg(batch_norm: bool) -> nn.Module:
    """torchvision's VGG-11 with an eighth of its channels."""
    features = models.vgg.make_layers([8, "M", 16, "M", 32, 32, "M", 64, 64, "M", 64, 64, "M"], batch_norm)
    with torch.device("meta"):
        module = models.VGG(features, init_weights=False)
    return narrow(module, 64 * 7 * 7)


def narrow(module: nn.Module, first: int) -> nn.Module:
    """With small linear maps behind the convolutions."""
    sizes = iter([(first, 32), (32, 32), (32, 10)])
    for index, part in enumerate(module.classifier):
        if isinstance(part, nn.Linear):
            module.classifier[index] = nn.Linear(*next(sizes))
    return module


def cases() -> list[dict]:
    with torch.device("meta"):
        alexnet = models.alexnet()
    alexnet = narrow(alexnet.to_empty(device="cpu"), 256 * 6 * 6)
    basic, bottleneck = models.resnet.BasicBlock, models.resnet.Bottleneck
    one, two = (1, 3, 64, 64), (2, 3, 64, 64)
    return [published(name) for name in PUBLISHED] + [
        computed("alexnet", alexnet, one),
        computed("vgg11", vgg(False), one),
        computed("vgg11_bn", vgg(True), one),
        computed("resnet18", Narrow(basic, [2, 2, 2, 2]), one),
        computed("resnet50", Narrow(bottleneck, [3, 4, 6, 3]), one),
        computed("mobilenet_v2", models.mobilenet_v2(width_mult=0.5, num_classes=10), one),
        computed("mlp", ops.MLP(48, [32, 16, 10], inplace=False, dropout=0.0), (3, 48)),
        computed("resnet18", Narrow(basic, [2, 2, 2, 2]), two, training=True),
        computed("resnet50", Narrow(bottleneck, [3, 4, 6, 3]), two, training=True),
    ]
