"""Modules whose weights are computed from others: two passes in training, all gradients of the second, and the state after."""

from __future__ import annotations

import torch
from torch.nn.utils import parametrizations

from record import plain, tensor
from torch_module import build, seed_of, spec, spelled


def case(name: str, module: dict, kind: str, shape: tuple[int, ...], **options) -> dict:
    torch.manual_seed(seed_of(name))
    built = getattr(parametrizations, "weight_norm" if kind == "weightNorm" else "spectral_norm")(build(module), **options)
    with torch.no_grad():
        for value in built.parameters():
            value.add_(torch.randn_like(value) * 0.1)
    x = torch.randn(shape)
    state = {path: tensor(value.detach().numpy().copy()) for path, value in built.state_dict().items()}
    outputs = [built(x), built(x)]
    gradient = torch.randn_like(outputs[1])
    outputs[1].backward(gradient)
    return {
        "name": name,
        "module": spelled(module),
        "kind": kind,
        "options": plain(options),
        "state": state,
        "input": tensor(x.numpy()),
        "outputs": [tensor(output.detach().numpy()) for output in outputs],
        "outputGradient": tensor(gradient.numpy()),
        "gradients": {path: tensor(value.grad.numpy()) for path, value in built.named_parameters()},
        "stateAfter": {path: tensor(value.numpy()) for path, value in built.named_buffers()},
    }


def cases() -> list[dict]:
    return [
        case("weightNorm of Linear", spec("Linear", 4, 3), "weightNorm", (5, 4)),
        case("weightNorm of Linear as a whole", spec("Linear", 4, 3), "weightNorm", (5, 4), dim=None),
        case("weightNorm of Conv2d, by input channels", spec("Conv2d", 2, 3, 3), "weightNorm", (1, 2, 5, 5), dim=1),
        case("spectralNorm of Linear", spec("Linear", 4, 3), "spectralNorm", (5, 4)),
        case("spectralNorm of Conv2d, two iterations", spec("Conv2d", 2, 3, 3), "spectralNorm", (1, 2, 5, 5), n_power_iterations=2),
        case("spectralNorm of ConvTranspose1d", spec("ConvTranspose1d", 2, 3, 3), "spectralNorm", (1, 2, 4)),
    ]
