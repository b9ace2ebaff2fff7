"""Writes tests/parity/numpy/*.json: what NumPy and SciPy compute for the cases in numpy_*.py beside this file.

    python -m venv .venv && .venv/bin/pip install numpy==2.4.0 scipy==1.17.0
    .venv/bin/python tests/parity/numpy_values.py [linalg]
"""

from __future__ import annotations

import sys

import numpy as np

import numpy_arrays
import numpy_linalg
import numpy_ops
from record import write

AREAS = {"arrays": numpy_arrays.cases, "linalg": numpy_linalg.cases, "ops": numpy_ops.cases}

if __name__ == "__main__":
    for area in sys.argv[1:] or AREAS:
        write(f"numpy/{area}.json", f"NumPy {np.__version__}", AREAS[area]())
