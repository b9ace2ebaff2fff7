"""What torch.nn.init.dirac_ writes; nothing of it is drawn."""

from __future__ import annotations

import torch

from record import tensor


def case(shape: tuple, groups: int = 1) -> dict:
    value = torch.nn.init.dirac_(torch.empty(shape), groups)
    return {"name": f"dirac of {list(shape)}, groups {groups}", "initializer": "dirac_", "groups": groups, "value": tensor(value.numpy())}


def cases() -> list[dict]:
    return [case((3, 2, 3)), case((2, 3, 4)), case((2, 2, 3, 2)), case((4, 2, 3, 3), 2), case((6, 1, 3), 3), case((2, 2, 2, 3, 3))]
