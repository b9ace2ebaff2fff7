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
MUON = {"Muon": {"lr": 0.01}, "Muon with everything": {"lr": 0.005, "momentum": 0.8, "nesterov": False, "ns_steps": 4, "weight_decay": 0.2, "adjust_lr_fn": "match_rms_adamw"}}


def problem(name: str, shapes: tuple = SHAPES, dtype: torch.dtype = torch.float32) -> list[dict[str, torch.Tensor]]:
    torch.manual_seed(seed_of(name))
    return [{"start": torch.randn(shape, dtype=dtype), "a": torch.rand(shape, dtype=dtype) * 2 + 0.1, "b": torch.randn(shape, dtype=dtype)} for shape in shapes]


def run(given: list[dict[str, torch.Tensor]], kind: str, described: list[dict], clip: dict | None, dtype: torch.dtype, options: dict) -> tuple[dict, list[float]]:
    """The parameters after the steps that are kept, and the norms of the gradients before they were clipped."""
    given = [{key: value.to(dtype) for key, value in v.items()} for v in given]
    parameters = [value["start"].clone().requires_grad_() for value in given]
    optimizer = getattr(torch.optim, kind)(
        [{"params": [parameters[index] for index in group["parameters"]], **{key: value for key, value in group.items() if key != "parameters"}} for group in described],
        **options,
    )
    kept, norms = {}, []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = sum((0.5 * v["a"] * (p - v["b"]) ** 2).sum() + torch.cos(p).sum() for v, p in zip(given, parameters))
        value.backward()
        return value

    for step in range(1, max(KEPT) + 1):
        if kind == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
        if clip and "max_norm" in clip:
            norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, **clip)))
        elif clip:
            torch.nn.utils.clip_grad_value_(parameters, **clip)
        if kind != "LBFGS":
            optimizer.step()
        if step in KEPT:
            kept[str(step)] = [p.detach().clone() for p in parameters]
    return kept, norms


def trajectory(name: str, kind: str, groups: list[dict] | None = None, clip: dict | None = None, shapes: tuple = SHAPES, dtype: torch.dtype = torch.float32, **options) -> dict:
    """`groups`: [{"parameters": [indices], **options}]; without it all parameters form one group."""
    given = problem(name, shapes, dtype)
    described = groups or [{"parameters": list(range(len(shapes)))}]
    kept, norms = run(given, kind, described, clip, dtype, options)
    # Where PyTorch's own runs in single and double precision part, nobody can be asked to follow one of them closer.
    exact, _ = run(given, kind, described, clip, torch.float64, options)
    spread = max(float((a - b).abs().max()) for step in kept for a, b in zip(kept[step], exact[step]))
    return {
        "name": name,
        "optimizer": {"kind": kind, "options": plain(options)},
        "groups": [{"parameters": g["parameters"], "options": plain({k: v for k, v in g.items() if k != "parameters"})} for g in described],
        "parameters": [plain({key: value.numpy() for key, value in v.items()}) for v in given],
        "trajectory": {step: [tensor(p.numpy()) for p in parameters] for step, parameters in kept.items()},
        **({"clip": plain(clip)} if clip else {}),
        **({"normsBefore": norms} if norms else {}),
        **({"spread": spread} if spread > 1e-6 else {}),
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
        trajectory("SGD with dampening that maximizes", "SGD", lr=0.01, momentum=0.5, dampening=0.2, weight_decay=0.1, maximize=True),
        trajectory("Adagrad that maximizes", "Adagrad", lr=0.02, maximize=True),
        trajectory("RMSprop that maximizes", "RMSprop", lr=0.01, maximize=True),
        trajectory("AdamW that maximizes", "AdamW", lr=0.01, maximize=True),
        trajectory("AdamW with two groups", "AdamW", [{"parameters": [0], "weight_decay": 0.0}, {"parameters": [1], "lr": 0.1}], lr=0.05, weight_decay=0.3),
        trajectory("Adadelta with everything", "Adadelta", lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.05, maximize=False),
        trajectory("Adamax with everything", "Adamax", lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
        trajectory("NAdam with weightDecay", "NAdam", lr=0.02, weight_decay=0.1, momentum_decay=0.01),
        trajectory("NAdam with decoupledWeightDecay", "NAdam", lr=0.02, betas=(0.8, 0.99), weight_decay=0.2, decoupled_weight_decay=True),
        trajectory("RAdam with weightDecay", "RAdam", lr=0.05, betas=(0.85, 0.9), weight_decay=0.1),
        trajectory("RAdam with decoupledWeightDecay", "RAdam", lr=0.05, weight_decay=0.2, decoupled_weight_decay=True),
        trajectory("Rprop", "Rprop"),
        trajectory("Rprop with everything", "Rprop", lr=0.05, etas=(0.4, 1.3), step_sizes=(1e-4, 0.5)),
        trajectory("ASGD", "ASGD"),
        trajectory("ASGD with everything", "ASGD", lr=0.1, lambd=0.01, alpha=0.6, t0=10.0, weight_decay=0.05),
        trajectory("Adafactor", "Adafactor"),
        trajectory("Adafactor with everything", "Adafactor", dtype=torch.float64, lr=0.05, beta2_decay=-0.6, eps=(1e-4, 1e-2), d=1.5, weight_decay=0.1) | {"tolerance": 1e-6},
        trajectory("Adafactor on three axes", "Adafactor", shapes=((2, 3, 4), (3,)), lr=0.05),
        # PyTorch orthogonalises in bfloat16, so nobody else meets its numbers closer than that.
        *({**trajectory(name, "Muon", shapes=((6, 4), (3, 5)), **options), "tolerance": 0.02} for name, options in MUON.items()),
        trajectory("LBFGS", "LBFGS", dtype=torch.float64, lr=0.1, max_iter=4, history_size=5),
        trajectory("LBFGS with strongWolfe", "LBFGS", dtype=torch.float64, max_iter=3, line_search_fn="strong_wolfe"),
        trajectory("SGD in double precision", "SGD", dtype=torch.float64, lr=0.05, momentum=0.9),
        trajectory("Adam in double precision", "Adam", dtype=torch.float64, lr=0.05),
        trajectory("AdamW in double precision", "AdamW", dtype=torch.float64, lr=0.05, amsgrad=True),
        trajectory("RMSprop in double precision", "RMSprop", dtype=torch.float64, lr=0.02, momentum=0.5, centered=True),
        trajectory("Adagrad in double precision", "Adagrad", dtype=torch.float64, lr=0.1, lr_decay=0.01),
        trajectory("Adadelta in double precision", "Adadelta", dtype=torch.float64),
        trajectory("Adamax in double precision", "Adamax", dtype=torch.float64, lr=0.02),
        trajectory("NAdam in double precision", "NAdam", dtype=torch.float64, lr=0.02),
        trajectory("RAdam in double precision", "RAdam", dtype=torch.float64, lr=0.02),
        trajectory("Adafactor in double precision", "Adafactor", dtype=torch.float64),
    ]
