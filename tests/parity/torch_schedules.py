"""Learning rates that torch.optim.lr_scheduler gives: `rates[i]` is the rate of step i, before its scheduler.step()."""

from __future__ import annotations

import warnings

import torch
from torch.optim import lr_scheduler, swa_utils

from record import plain

STEPS = 30
PLATEAU = [1.0, 0.9, 0.8, 0.8, 0.81, 0.8, 0.79995, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.6] + [0.6] * 15


def schedule(kind: str, *args, lr: float = 0.1, steps: int = STEPS, momentum: float = 0, **options) -> dict:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=momentum)
    scheduler = getattr(swa_utils if kind == "SWALR" else lr_scheduler, kind)(optimizer, *args, **options)
    rates, momenta = [], []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step(PLATEAU[step]) if kind == "ReduceLROnPlateau" else scheduler.step()
    label = ", ".join([kind, *(str(arg) for arg in args), *(f"{key} {value}" for key, value in options.items()), *(["with momentum"] if momentum else [])])
    return {
        "name": label,
        "scheduler": {"kind": kind, "args": plain(args), "options": plain(options)},
        "lr": lr,
        "rates": rates,
        **({"momentum": momentum, "momenta": momenta} if momentum else {}),
        **({"metric": PLATEAU[:steps]} if kind == "ReduceLROnPlateau" else {}),
    }


def several(kind: str, parts: list[dict], lr: float = 0.1, steps: int = STEPS, **options) -> dict:
    """A schedule made of others: `parts`: [{"kind", "args", "options"}]."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    made = [getattr(lr_scheduler, part["kind"])(optimizer, *part["args"], **part["options"]) for part in parts]
    scheduler = lr_scheduler.ChainedScheduler(made, optimizer) if kind == "ChainedScheduler" else lr_scheduler.SequentialLR(optimizer, made, **options)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"name": f"{kind} of {', '.join(part['kind'] for part in parts)}", "scheduler": {"kind": kind, "parts": plain(parts), "options": plain(options)}, "lr": lr, "rates": rates}


def part(kind: str, *args, **options) -> dict:
    return {"kind": kind, "args": list(args), "options": options}


def cases() -> list[dict]:
    warnings.simplefilter("ignore")
    return [
        schedule("StepLR", 7),
        schedule("StepLR", 5, gamma=0.5),
        schedule("MultiStepLR", [3, 8, 8, 20]),
        schedule("ExponentialLR", 0.9),
        schedule("ConstantLR"),
        schedule("ConstantLR", factor=0.5, total_iters=4),
        schedule("ConstantLR", factor=0.5, total_iters=0),
        schedule("ConstantLR", factor=0.5, total_iters=1),
        schedule("StepLR", 1, gamma=0.9),
        schedule("MultiStepLR", [0, 1, 29], gamma=0.5),
        schedule("LinearLR", start_factor=0.5, total_iters=1),
        schedule("LinearLR", start_factor=1.0, end_factor=0.25, total_iters=3),
        schedule("PolynomialLR", total_iters=1),
        schedule("PolynomialLR", total_iters=30, power=0.5),
        schedule("CosineAnnealingLR", 1),
        schedule("CosineAnnealingWarmRestarts", 1),
        schedule("CosineAnnealingWarmRestarts", 1, T_mult=3),
        schedule("OneCycleLR", 0.5, total_steps=30, pct_start=0.05),
        schedule("OneCycleLR", 0.5, total_steps=30, pct_start=0.9),
        schedule("CyclicLR", 0.01, 0.1, step_size_up=1),
        schedule("CyclicLR", 0.01, 0.1, step_size_up=2, step_size_down=1),
        schedule("ReduceLROnPlateau", patience=0),
        schedule("ReduceLROnPlateau", patience=1, eps=0.05),
        schedule("LinearLR"),
        schedule("LinearLR", start_factor=0.1, end_factor=0.8, total_iters=12),
        schedule("PolynomialLR", total_iters=20, power=2.0),
        schedule("CosineAnnealingLR", 10),
        schedule("CosineAnnealingLR", 20, eta_min=0.01),
        schedule("CosineAnnealingWarmRestarts", 5),
        schedule("CosineAnnealingWarmRestarts", 4, T_mult=2, eta_min=0.005),
        schedule("OneCycleLR", 0.5, total_steps=30),
        schedule("OneCycleLR", 0.5, total_steps=30, pct_start=0.4, anneal_strategy="linear", three_phase=True),
        schedule("CyclicLR", 0.01, 0.1, step_size_up=4),
        schedule("CyclicLR", 0.01, 0.1, step_size_up=3, step_size_down=6, mode="triangular2"),
        schedule("ReduceLROnPlateau", patience=2),
        schedule("ReduceLROnPlateau", patience=1, factor=0.5, cooldown=2, threshold=0.01, min_lr=0.02),
        schedule("ReduceLROnPlateau", mode="max", patience=3, threshold_mode="abs", threshold=0.05),
        schedule("OneCycleLR", 0.5, total_steps=30, momentum=0.9),
        schedule("OneCycleLR", 0.4, epochs=5, steps_per_epoch=6, base_momentum=0.8, max_momentum=0.9, div_factor=10.0, final_div_factor=100.0, momentum=0.9),
        schedule("CyclicLR", 0.01, 0.1, step_size_up=4, base_momentum=0.7, max_momentum=0.9, momentum=0.9),
        schedule("CyclicLR", 0.01, 0.1, step_size_up=4, mode="exp_range", gamma=0.95),
        schedule("SWALR", 0.02),
        schedule("SWALR", 0.02, anneal_epochs=5, anneal_strategy="linear"),
        several("SequentialLR", [part("LinearLR", start_factor=0.1, total_iters=5), part("CosineAnnealingLR", 25)], milestones=[5]),
        several("SequentialLR", [part("ConstantLR", factor=0.1, total_iters=4), part("ExponentialLR", 0.9), part("StepLR", 3, gamma=0.5)], milestones=[4, 12]),
        several("SequentialLR", [part("StepLR", 1, gamma=0.5), part("ExponentialLR", 0.9)], milestones=[1]),
        several("ChainedScheduler", [part("ConstantLR", factor=0.1, total_iters=2), part("ExponentialLR", 0.9)]),
        several("ChainedScheduler", [part("LinearLR", start_factor=0.2, total_iters=8), part("StepLR", 6, gamma=0.5), part("CosineAnnealingLR", 20)]),
    ]
