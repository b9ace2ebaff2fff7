"""Writes tests/parity/torch/*.json: what PyTorch computes for the cases in torch_*.py beside this file.

    .venv/bin/python tests/parity/torch_values.py [modules activations attention dtypes losses networks optimizers recurrent schedules space starts parametrizations]

Versions: PyTorch 2.13.0, NumPy 2.4. Seeded and single-threaded: a second run writes the same bytes on the same kind of processor.
README.md says what the fields mean.
"""

from __future__ import annotations

import sys

import torch

import torch_activations
import torch_attention
import torch_dtypes
import torch_func
import torch_losses
import torch_modules
import torch_networks
import torch_optimizers
import torch_parametrizations
import torch_recurrent
import torch_schedules
import torch_space
import torch_starts
from record import write

AREAS = {
    "modules": torch_modules.cases,
    "activations": torch_activations.cases,
    "attention": torch_attention.cases,
    "dtypes": torch_dtypes.cases,
    "func": torch_func.cases,
    "losses": torch_losses.cases,
    "networks": torch_networks.cases,
    "optimizers": torch_optimizers.cases,
    "parametrizations": torch_parametrizations.cases,
    "recurrent": torch_recurrent.cases,
    "schedules": torch_schedules.cases,
    "space": torch_space.cases,
    "starts": torch_starts.cases,
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for area in sys.argv[1:] or AREAS:
        torch.manual_seed(0)
        write(f"torch/{area}.json", f"PyTorch {torch.__version__.split('+')[0]}", AREAS[area]())
