"""Cases of mixed precision: models under autocast to bfloat16 on the CPU, and the scale of a GradScaler."""

from __future__ import annotations

import torch
from torch import nn

from record import tensor
from torch_module import build, seed_of, spec, spelled


def mixed(name: str, modules: list[dict], shape: tuple, loss: str, target: torch.Tensor) -> dict:
    torch.manual_seed(seed_of(name))
    module = build({"kind": "Sequential", "modules": modules})
    x = torch.randn(shape, requires_grad=True)
    state = {path: tensor(value.detach().numpy().copy()) for path, value in module.state_dict().items()}
    with torch.autocast("cpu", torch.bfloat16):
        output = module(x)
        cost = getattr(nn, loss)()(output, target)
    cost.backward()
    return {
        "name": name,
        "module": spelled({"kind": "Sequential", "modules": modules}),
        "state": state,
        "input": tensor(x.detach().numpy()),
        "loss": loss,
        "target": tensor(target.numpy()),
        "dtype": str(output.dtype).removeprefix("torch."),
        "lossDtype": str(cost.dtype).removeprefix("torch."),
        "output": tensor(output.detach().float().numpy()),
        "cost": tensor(cost.detach().float().numpy()),
        "gradients": {path: tensor(value.grad.float().numpy()) for path, value in [("input", x), *module.named_parameters()]},
    }


def scaling() -> dict:
    """A weight learnt by Adam, with gradients that overflow at some steps."""
    options = {"init_scale": 1024.0, "growth_interval": 3, "growth_factor": 4.0, "backoff_factor": 0.25}
    factors = [1.0, -2.0, 0.5, float("inf"), 1.0, 2.0, float("nan"), 1.5, 1.0, -1.0, 2.0, 1.0]
    weight = torch.tensor([1.0, -0.5], requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", **options)
    steps = []
    for factor in factors:
        loss = (weight * factor).square().sum()
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_([weight], 3.0)
        scaler.step(optimizer)
        scaler.update()
        steps.append({"scale": scaler.get_scale(), "weight": tensor(weight.detach().numpy().copy())})
    return {"name": "a scale that grows and backs off", "scaler": {"initScale": 1024, "growthInterval": 3, "growthFactor": 4, "backoffFactor": 0.25}, "factors": ["Infinity" if f == float("inf") else "NaN" if f != f else f for f in factors], "steps": steps}


def cases() -> list[dict]:
    torch.manual_seed(0)
    labels = torch.tensor([1, 0, 2, 2])
    return [
        mixed("a perceptron", [spec("Linear", 8, 16), spec("GELU"), spec("LayerNorm", 16), spec("Linear", 16, 3)], (4, 8), "CrossEntropyLoss", labels),
        mixed("a convolutional network", [spec("Conv2d", 2, 4, 3, padding=1, bias=False), spec("BatchNorm2d", 4), spec("ReLU"), spec("MaxPool2d", 2), spec("Conv2d", 4, 6, 3), spec("Flatten"), spec("Linear", 24, 3)], (4, 2, 8, 8), "CrossEntropyLoss", labels),
        mixed("a regression", [spec("Linear", 5, 7), spec("Tanh"), spec("Linear", 7, 2), spec("Softmax", dim=-1)], (6, 5), "MSELoss", torch.randn(6, 2)),
        mixed("a decoder of images", [spec("Linear", 4, 16), spec("Unflatten", 1, [4, 2, 2]), spec("ConvTranspose2d", 4, 4, 2, stride=2), spec("SiLU"), spec("GroupNorm", 2, 4), spec("Conv2d", 4, 1, 3, padding=1)], (3, 4), "BCEWithLogitsLoss", torch.rand(3, 1, 4, 4)),
        scaling(),
    ]
