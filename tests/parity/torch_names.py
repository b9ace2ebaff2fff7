"""The public names of PyTorch that docs/parity.md is measured against."""

from __future__ import annotations

import inspect

from torch import nn, optim
from torch.optim import lr_scheduler, swa_utils


def classes(module, base: type | None = None, apart: tuple[str, ...] = ()) -> list[str]:
    found = {name: value for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_")}
    return sorted(name for name, value in found.items() if (base is None or (issubclass(value, base) and value is not base)) and name not in apart)


def cases() -> list[dict]:
    modules = classes(nn, nn.Module)
    return [
        {"name": "torch.nn modules", "names": [name for name in modules if not name.endswith("Loss")]},
        {"name": "torch.nn losses", "names": [name for name in modules if name.endswith("Loss")]},
        {"name": "torch.optim", "names": classes(optim, optim.Optimizer)},
        {"name": "torch.optim.lr_scheduler", "names": [name for name in lr_scheduler.__all__ if name != "LRScheduler"]},
        {"name": "torch.optim.swa_utils", "names": sorted(swa_utils.__all__)},
        {"name": "torch.nn.init", "names": sorted(name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")) + ["calculate_gain"]},
    ]
