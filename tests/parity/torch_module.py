"""Runs one torch.nn module forward and backward and records all of it."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import nn

from record import plain, tensor


def spec(kind: str, *args, **options) -> dict:
    """A module as the TypeScript face spells it: positional arguments, then options in camel case."""
    return {"kind": kind, "args": list(args), "options": options}


def build(module: dict) -> nn.Module:
    if module["kind"] == "Sequential":
        return nn.Sequential(*(build(child) for child in module["modules"]))
    # In TypeScript `null` in a list of sizes means "as it came", which PyTorch spells None: the same value here.
    args = [tuple(arg) if isinstance(arg, list) and module["kind"] not in ("LayerNorm", "RMSNorm") else arg for arg in module["args"]]
    return getattr(nn, module["kind"])(*args, **module["options"])


def spelled(module: dict) -> dict:
    if module["kind"] == "Sequential":
        return {"kind": "Sequential", "modules": [spelled(child) for child in module["modules"]]}
    return {"kind": module["kind"], "args": plain(module["args"]), "options": plain(module["options"])}


def seed_of(name: str) -> int:
    """Each case has its own random stream, so that adding a case leaves the others as they are."""
    return zlib.crc32(name.encode())


def case(name: str, module: dict, *inputs, mode: str = "train") -> dict:
    """`inputs`: shapes (filled with normal numbers) or arrays as they are."""
    torch.manual_seed(seed_of(name))
    built = build(module).train(mode == "train")
    with torch.no_grad():
        for path, value in [*built.named_parameters(), *built.named_buffers()]:
            # Start values that could hide a mistake (ones, zeros) become something else.
            if value.dtype == torch.float32 and value.numel() > 0 and torch.all(value == value.flatten()[0]) and "PReLU" not in module["kind"]:
                value.copy_(torch.rand_like(value) + 0.5 if path.endswith(("weight", "running_var")) else torch.randn_like(value) * 0.3)
    given = [torch.randn(shape) if isinstance(shape, tuple) else torch.from_numpy(np.array(shape)) for shape in inputs]
    for value in given:
        value.requires_grad_(value.is_floating_point())
    state = {path: tensor(value.detach().numpy().copy()) for path, value in built.state_dict().items()}
    output = built(*given)
    gradient = torch.randn_like(output)
    output.backward(gradient)
    gradients = {f"input{index}": tensor(value.grad.numpy()) for index, value in enumerate(given) if value.grad is not None}
    gradients |= {path: tensor(value.grad.numpy()) for path, value in built.named_parameters()}
    recorded = {
        "name": name,
        "module": spelled(module),
        "mode": mode,
        "state": state,
        "inputs": [tensor(value.detach().numpy()) for value in given],
        "output": tensor(output.detach().numpy()),
        "outputGradient": tensor(gradient.numpy()),
        "gradients": gradients,
    }
    after = {path: tensor(value.numpy()) for path, value in built.named_buffers()}
    return recorded | ({"stateAfter": after} if after else {})
