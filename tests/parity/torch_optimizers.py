"""Trajectories of torch.optim over 50 steps of one function that any language can compute:

    f(p) = sum over tensors of 0.5 * sum(a * (p - b)^2) + sum(cos(p)),   gradient a * (p - b) - sin(p)

`a` and `b` are stored for each parameter, so that a test computes the gradients itself.
"""

from __future__ import annotations

import torch

from record import plain, tensor
from torch_module import seed_of

KEPT = (1, 2, 5, 10, 25, 50)
SHAPES = ((4, 3), (5,))


def problem(name: str) -> list[dict[str, torch.Tensor]]:
    torch.manual_seed(seed_of(name))
    return [{"start": torch.randn(shape), "a": torch.rand(shape) * 2 + 0.1, "b": torch.randn(shape)} for shape in SHAPES]


def trajectory(name: str, kind: str, groups: list[dict] | None = None, clip: dict | None = None, **options) -> dict:
    """`groups`: [{"parameters": [indices], **options}]; without it all parameters form one group."""
    given = problem(name)
    parameters = [value["start"].clone().requires_grad_() for value in given]
    described = groups or [{"parameters": [0, 1]}]
    optimizer = getattr(torch.optim, kind)(
        [{"params": [parameters[index] for index in group["parameters"]], **{key: value for key, value in group.items() if key != "parameters"}} for group in described],
        **options,
    )
    kept, norms = {}, []
    for step in range(1, max(KEPT) + 1):
        optimizer.zero_grad()
        sum((0.5 * v["a"] * (p - v["b"]) ** 2).sum() + torch.cos(p).sum() for v, p in zip(given, parameters)).backward()
        if clip and "max_norm" in clip:
            norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, **clip)))
        elif clip:
            torch.nn.utils.clip_grad_value_(parameters, **clip)
        optimizer.step()
        if step in KEPT:
            kept[str(step)] = [tensor(p.detach().numpy()) for p in parameters]
    return {
        "name": name,
        "optimizer": {"kind": kind, "options": plain(options)},
        "groups": [{"parameters": g["parameters"], "options": plain({k: v for k, v in g.items() if k != "parameters"})} for g in described],
        "parameters": [plain({key: value.numpy() for key, value in v.items()}) for v in given],
        "trajectory": kept,
        **({"clip": plain(clip)} if clip else {}),
        **({"normsBefore": norms} if norms else {}),
    }


def cases() -> list[dict]:
    return [
        trajectory("SGD", "SGD", lr=0.05),
        trajectory("SGD with its default rate", "SGD"),
        trajectory("SGD with momentum", "SGD", lr=0.05, momentum=0.9),
        trajectory("SGD with nesterov", "SGD", lr=0.05, momentum=0.9, nesterov=True),
        trajectory("SGD with dampening", "SGD", lr=0.05, momentum=0.8, dampening=0.3),
        trajectory("SGD with weightDecay", "SGD", lr=0.05, weight_decay=0.1),
        trajectory("SGD with momentum, nesterov and weightDecay", "SGD", lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.05),
        trajectory("SGD that maximizes", "SGD", lr=0.01, momentum=0.5, maximize=True),
        trajectory("SGD with two groups", "SGD", [{"parameters": [0], "lr": 0.1}, {"parameters": [1], "momentum": 0.5, "weight_decay": 0.1}], lr=0.01, momentum=0.9),
        trajectory("SGD with the norm of the gradients clipped", "SGD", lr=0.1, clip={"max_norm": 1.0}),
        trajectory("SGD with the gradients clipped", "SGD", lr=0.1, clip={"clip_value": 0.5}),
        trajectory("Adam", "Adam"),
        trajectory("Adam with a large rate", "Adam", lr=0.1),
        trajectory("Adam with its own betas", "Adam", lr=0.05, betas=(0.8, 0.95), eps=1e-6),
        trajectory("Adam with amsgrad", "Adam", lr=0.05, amsgrad=True),
        trajectory("Adam with weightDecay", "Adam", lr=0.05, weight_decay=0.1),
        trajectory("Adam that maximizes", "Adam", lr=0.01, maximize=True),
        trajectory("Adam with two groups", "Adam", [{"parameters": [0]}, {"parameters": [1], "lr": 0.2, "betas": (0.5, 0.9)}], lr=0.05),
        trajectory("AdamW", "AdamW"),
        trajectory("AdamW with weightDecay", "AdamW", lr=0.05, weight_decay=0.2),
        trajectory("AdamW with amsgrad", "AdamW", lr=0.05, amsgrad=True),
        trajectory("RMSprop", "RMSprop", lr=0.02),
        trajectory("RMSprop with its default rate", "RMSprop"),
        trajectory("RMSprop with momentum", "RMSprop", lr=0.01, momentum=0.9),
        trajectory("RMSprop centered", "RMSprop", lr=0.01, centered=True, alpha=0.9),
        trajectory("RMSprop with weightDecay", "RMSprop", lr=0.02, weight_decay=0.1),
        trajectory("RMSprop centered with momentum", "RMSprop", lr=0.01, momentum=0.5, centered=True, eps=1e-6),
        trajectory("Adagrad", "Adagrad", lr=0.1),
        trajectory("Adagrad with everything", "Adagrad", lr=0.1, lr_decay=0.01, weight_decay=0.05, initial_accumulator_value=0.1),
        trajectory("Adadelta", "Adadelta"),
        trajectory("Adamax", "Adamax", lr=0.02),
        trajectory("NAdam", "NAdam", lr=0.02),
        trajectory("RAdam", "RAdam", lr=0.02),
    ]
