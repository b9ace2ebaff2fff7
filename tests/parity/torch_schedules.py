"""Learning rates that torch.optim.lr_scheduler gives: `rates[i]` is the rate of step i, before its scheduler.step()."""

from __future__ import annotations

import warnings

import torch
from torch.optim import lr_scheduler

from record import plain

STEPS = 30
PLATEAU = [1.0, 0.9, 0.8, 0.8, 0.81, 0.8, 0.79995, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.6] + [0.6] * 15


def schedule(kind: str, *args, lr: float = 0.1, steps: int = STEPS, **options) -> dict:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = getattr(lr_scheduler, kind)(optimizer, *args, **options)
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(PLATEAU[step]) if kind == "ReduceLROnPlateau" else scheduler.step()
    label = ", ".join([kind, *(str(arg) for arg in args), *(f"{key} {value}" for key, value in options.items())])
    return {
        "name": label,
        "scheduler": {"kind": kind, "args": plain(args), "options": plain(options)},
        "lr": lr,
        "rates": rates,
        **({"metric": PLATEAU[:steps]} if kind == "ReduceLROnPlateau" else {}),
    }


def cases() -> list[dict]:
    warnings.simplefilter("ignore")
    return [
        schedule("StepLR", 7),
        schedule("StepLR", 5, gamma=0.5),
        schedule("MultiStepLR", [3, 8, 8, 20]),
        schedule("ExponentialLR", 0.9),
        schedule("ConstantLR"),
        schedule("ConstantLR", factor=0.5, total_iters=4),
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
    ]
