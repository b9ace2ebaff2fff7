"""How PyTorch starts its parameters: no numbers are stored, only the distribution and its measures.

Each formula is checked here against what PyTorch draws, so that the table cannot drift from it.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from record import plain
from torch_module import build, spec


def uniform(bound: float) -> dict:
    return {"distribution": "uniform", "low": -bound, "high": bound, "mean": 0.0, "std": bound / math.sqrt(3)}


def normal(std: float) -> dict:
    return {"distribution": "normal", "mean": 0.0, "std": std}


def constant(value: float) -> dict:
    return {"distribution": "constant", "value": value, "mean": value, "std": 0.0}


def check(name: str, values: torch.Tensor, expected: dict) -> None:
    count = values.numel()
    spread = max(expected["std"], 1e-12)
    assert abs(values.mean() - expected["mean"]) < 6 * spread / math.sqrt(count), name
    assert abs(values.std() - expected["std"]) <= 6 * spread / math.sqrt(count) + 1e-12, name
    if expected["distribution"] == "uniform":
        assert values.min() >= expected["low"] * 1.000001 and values.max() <= expected["high"] * 1.000001, name
        assert count < 200 or values.max() > 0.9 * expected["high"], name


def parameter(module: dict, path: str, expected: dict, **fans) -> dict:
    values = torch.cat([build(module).state_dict()[path].flatten() for _ in range(400)])
    name = f"{module['kind']}({', '.join(map(str, module['args']))}{', ' if module['options'] else ''}{', '.join(f'{k} {v}' for k, v in module['options'].items())}).{path}"
    check(name, values, expected)
    shape = list(build(module).state_dict()[path].shape)
    return {"name": name, "module": {"kind": module["kind"], "args": plain(module["args"]), "options": plain(module["options"])}, "parameter": path, "shape": shape, **fans, **expected}


def initializer(function: str, shape: tuple[int, ...], expected: dict, **options) -> dict:
    values = torch.cat([getattr(nn.init, function)(torch.empty(shape), **options).flatten() for _ in range(400)])
    name = f"{function} {list(shape)}" + "".join(f", {key} {value}" for key, value in options.items())
    check(name, values, expected)
    return {"name": name, "initializer": function, "shape": list(shape), "options": plain(options), **expected}


def layers() -> list[dict]:
    """Linear and convolutions: kaiming_uniform with a = sqrt(5), which is 1 / sqrt(fan in) for the weight and for the bias."""
    found = []
    for module, fan in [
        (spec("Linear", 20, 30), 20),
        (spec("Linear", 784, 128), 784),
        (spec("Conv1d", 4, 8, 5), 20),
        (spec("Conv2d", 3, 8, 3), 27),
        (spec("Conv2d", 8, 16, [3, 5], groups=4), 30),
        (spec("Conv2d", 6, 6, 3, groups=6), 9),
        (spec("ConvTranspose2d", 3, 8, 3), 72),
    ]:
        found += [parameter(module, path, uniform(1 / math.sqrt(fan)), fanIn=fan) for path in ("weight", "bias")]
    return [
        *found,
        parameter(spec("Embedding", 10, 6), "weight", normal(1.0)),
        parameter(spec("BatchNorm2d", 5), "weight", constant(1.0)),
        parameter(spec("BatchNorm2d", 5), "bias", constant(0.0)),
        parameter(spec("BatchNorm2d", 5), "running_mean", constant(0.0)),
        parameter(spec("BatchNorm2d", 5), "running_var", constant(1.0)),
        parameter(spec("LayerNorm", 5), "weight", constant(1.0)),
        parameter(spec("LayerNorm", 5), "bias", constant(0.0)),
        parameter(spec("PReLU"), "weight", constant(0.25)),
        *(parameter(spec("LSTM", 5, 7), path, uniform(1 / math.sqrt(7))) for path in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")),
    ]


def initializers() -> list[dict]:
    """nn.init: fan in is shape[1] * receptive field, fan out is shape[0] * receptive field."""
    matrix, kernel = (30, 20), (8, 3, 3, 3)
    fans = {matrix: (20, 30), kernel: (27, 72)}
    found = []
    for shape, (fan_in, fan_out) in fans.items():
        found += [
            initializer("xavier_uniform_", shape, uniform(math.sqrt(6 / (fan_in + fan_out)))),
            initializer("xavier_normal_", shape, normal(math.sqrt(2 / (fan_in + fan_out))), gain=1.0),
            initializer("kaiming_uniform_", shape, uniform(math.sqrt(6 / fan_in)), nonlinearity="relu"),
            initializer("kaiming_uniform_", shape, uniform(math.sqrt(3 * 2 / (1 + 0.04) / fan_out)), a=0.2, mode="fan_out", nonlinearity="leaky_relu"),
            initializer("kaiming_normal_", shape, normal(math.sqrt(2 / fan_in)), nonlinearity="relu"),
            initializer("kaiming_normal_", shape, normal(math.sqrt(2 / fan_out)), mode="fan_out", nonlinearity="relu"),
        ]
    gains = ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
    return [
        *found,
        initializer("uniform_", matrix, uniform(0.3), a=-0.3, b=0.3),
        initializer("normal_", matrix, {"distribution": "normal", "mean": 1.0, "std": 0.5}, mean=1.0, std=0.5),
        initializer("constant_", matrix, constant(0.3), val=0.3),
        *({"name": f"calculate_gain {kind}", "nonlinearity": kind, "gain": nn.init.calculate_gain(kind)} for kind in gains),
        {"name": "calculate_gain leaky_relu 0.2", "nonlinearity": "leaky_relu", "param": 0.2, "gain": nn.init.calculate_gain("leaky_relu", 0.2)},
    ]


def cases() -> list[dict]:
    return [*layers(), *initializers()]
