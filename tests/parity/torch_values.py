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

# An area is a file beside this one that has `cases`; only those asked for are loaded.
FILES = sorted(path.stem for path in HERE.glob("torch_*.py") if path.stem != "torch_values")

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    for file in [f"torch_{area}" for area in sys.argv[1:]] or FILES:
        module = import_module(file)
        if hasattr(module, "cases"):
            torch.manual_seed(0)
            write(f"torch/{file.removeprefix('torch_')}.json", f"PyTorch {torch.__version__.split('+')[0]}", module.cases())
