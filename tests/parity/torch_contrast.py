"""Losses that PyTorch has not itself, computed from its parts: contrastive ones, and torchvision's focal loss by its formula."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from record import plain, tensor
from torch_module import seed_of


def case(name: str, kind: str, compute, *inputs: torch.Tensor, both: bool = True, **options) -> dict:
    given = [value.clone().requires_grad_(i == 0 or both) for i, value in enumerate(inputs)]
    output = compute(*given)
    gradient = torch.randn_like(output)
    output.backward(gradient)
    return {
        "name": name,
        "loss": {"kind": kind, "args": [], "options": plain(options)},
        "inputs": [tensor(value.detach().numpy()) for value in given],
        "output": tensor(output.detach().numpy()),
        "outputGradient": tensor(gradient.numpy()),
        "gradients": {f"input{i}": tensor(value.grad.numpy()) for i, value in enumerate(given) if value.requires_grad},
    }


def info_nce(temperature: float, reduction: str):
    return lambda q, k: F.cross_entropy(F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T / temperature, torch.arange(len(q)), reduction=reduction)


def nt_xent(temperature: float, reduction: str):
    def compute(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        z = F.normalize(torch.cat([a, b]), dim=-1)
        similar = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))
        return F.cross_entropy(similar, torch.arange(len(z)).roll(len(a)), reduction=reduction)

    return compute


def contrastive(margin: float):
    return lambda d, y: (y * d**2 + (1 - y) * F.relu(margin - d) ** 2).mean()


def focal(alpha: float, gamma: float, reduction: str):
    def compute(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        p = torch.sigmoid(x)
        loss = F.binary_cross_entropy_with_logits(x, y, reduction="none") * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
        loss = (alpha * y + (1 - alpha) * (1 - y)) * loss if alpha >= 0 else loss
        return loss if reduction == "none" else getattr(loss, reduction)()

    return compute


def cases() -> list[dict]:
    torch.manual_seed(seed_of("contrast"))
    a, b = torch.randn(5, 3), torch.randn(5, 3)
    distance, together = torch.rand(6) * 2, torch.tensor([1.0, 0, 1, 0, 0, 1])
    bits = torch.randint(0, 2, (3, 4)).float()
    x = torch.randn(3, 4) * 2
    return [
        case("infoNceLoss", "infoNceLoss", info_nce(0.1, "mean"), a, b),
        case("infoNceLoss with temperature, each", "infoNceLoss", info_nce(0.7, "none"), a, b, temperature=0.7, reduction="none"),
        case("ntXentLoss", "ntXentLoss", nt_xent(0.5, "mean"), a, b),
        case("ntXentLoss with temperature, each", "ntXentLoss", nt_xent(0.2, "none"), a, b, temperature=0.2, reduction="none"),
        case("contrastiveLoss", "contrastiveLoss", contrastive(1.0), distance, together, both=False),
        case("contrastiveLoss with margin", "contrastiveLoss", contrastive(1.5), distance, together, both=False, margin=1.5),
        case("sigmoidFocalLoss", "sigmoidFocalLoss", focal(0.25, 2.0, "none"), x, bits, both=False),
        case("sigmoidFocalLoss with everything", "sigmoidFocalLoss", focal(-1.0, 1.5, "sum"), x, bits, both=False, alpha=-1.0, gamma=1.5, reduction="sum"),
    ]
