"""Writes tests/parity/torch/*.json: what PyTorch computes for the cases in torch_*.py beside this file.

    python -m venv .venv && .venv/bin/pip install torch==2.13.0 numpy
    .venv/bin/python tests/parity/torch_values.py [areas]

Versions: PyTorch 2.13.0, NumPy 2.4. Seeded and single-threaded: a second run writes the same bytes on the same kind of processor.
README.md says what the fields mean.
"""

from __future__ import annotations

import sys
from importlib import import_module

import torch

from record import HERE, write

# An area is a file beside this one that has `cases`.
MODULES = {path.stem.removeprefix("torch_"): import_module(path.stem) for path in sorted(HERE.glob("torch_*.py")) if path.stem != "torch_values"}
AREAS = {area: module.cases for area, module in MODULES.items() if hasattr(module, "cases")}

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for area in sys.argv[1:] or AREAS:
        torch.manual_seed(0)
        write(f"torch/{area}.json", f"PyTorch {torch.__version__.split('+')[0]}", AREAS[area]())
