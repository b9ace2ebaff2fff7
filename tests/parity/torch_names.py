"""The public names of PyTorch that docs/parity.md is measured against."""

from __future__ import annotations

import inspect

import torch
from torch import nn, optim
from torch.nn import functional
from torch.optim import lr_scheduler, swa_utils


def classes(module, base: type | None = None, apart: tuple[str, ...] = ()) -> list[str]:
    found = {name: value for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_")}
    return sorted(name for name, value in found.items() if (base is None or (issubclass(value, base) and value is not base)) and name not in apart)


def functions(module) -> list[str]:
    """Functions that people call: not those that begin with an underscore, work in place, or belong to PyTorch's own machinery."""
    found = {name: value for name, value in vars(module).items() if callable(value) and not inspect.isclass(value) and not name.startswith("_") and not name.endswith("_")}
    machinery = ("has_torch_function", "handle_torch_function", "boolean_dispatch", "assert_int_or_pair", "Optional", "native_", "scaled_mm", "grouped_mm", "scaled_grouped_mm", "conv_tbc")
    return sorted(name for name in found if not name.startswith(machinery))


def cases() -> list[dict]:
    modules = classes(nn, nn.Module)
    return [
        {"name": "torch.nn modules", "names": [name for name in modules if not name.endswith("Loss")]},
        {"name": "torch.nn losses", "names": [name for name in modules if name.endswith("Loss")]},
        {"name": "torch.nn.functional", "names": functions(functional)},
        *({"name": f"torch.{name}", "names": functions(getattr(torch, name))} for name in ("linalg", "fft", "special")),
        {"name": "torch.optim", "names": classes(optim, optim.Optimizer)},
        {"name": "torch.optim.lr_scheduler", "names": [name for name in lr_scheduler.__all__ if name != "LRScheduler"]},
        {"name": "torch.optim.swa_utils", "names": sorted(swa_utils.__all__)},
        {"name": "torch.nn.init", "names": sorted(name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")) + ["calculate_gain"]},
    ]
