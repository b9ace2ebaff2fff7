"""Averaged models of torch.optim.swa_utils: a linear layer and a batch normalisation trained for some steps, averaged, and measured anew."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import swa_utils

from record import plain, tensor
from torch_module import seed_of

STEPS = 6


def state_of(module: nn.Module) -> dict:
    return {name: tensor(value.numpy()) for name, value in module.state_dict().items() if name != "n_averaged"}


def average(name: str, decay: float | None = None, **options) -> dict:
    torch.manual_seed(seed_of(name))
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    start = state_of(model)
    inputs = [torch.randn(5, 3) for _ in range(STEPS)]
    targets = [torch.randn(5, 2) for _ in range(STEPS)]
    averaged = swa_utils.AveragedModel(model, avg_fn=swa_utils.get_ema_avg_fn(decay) if decay else None, **options)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    for x, y in zip(inputs, targets):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
        averaged.update_parameters(model)
    before = state_of(averaged)
    swa_utils.update_bn([x for x in inputs], averaged)
    averaged.eval()
    return {
        "name": name,
        "average": {"decay": decay, "options": plain(options)},
        "start": start,
        "inputs": [tensor(x.numpy()) for x in inputs],
        "targets": [tensor(y.numpy()) for y in targets],
        "stateBefore": before,
        "stateAfter": state_of(averaged),
        "output": tensor(averaged(inputs[0]).detach().numpy()),
    }


def cases() -> list[dict]:
    return [average("weights that count the same"), average("older weights that count less", 0.7), average("buffers too", use_buffers=True)]
