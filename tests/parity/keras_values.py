"""Writes tests/parity/keras/*.json: what Keras computes for the cases in keras_*.py beside this file.

    python -m venv .venv && .venv/bin/pip install tensorflow==2.21.0 keras==3.15.1 scipy
    .venv/bin/python tests/parity/keras_values.py [areas]

Versions: Keras 3.15.1 on TensorFlow 2.21.0 (CPU), NumPy 2.4. Seeded: a second run writes the same bytes on the same kind of processor.
README.md says what the fields mean.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}

import keras
import tensorflow

from record import HERE, write

# An area is a file beside this one that has `cases`.
MODULES = {path.stem.removeprefix("keras_"): import_module(path.stem) for path in sorted(HERE.glob("keras_*.py")) if path.stem != "keras_values"}
AREAS = {area: module.cases for area, module in MODULES.items() if hasattr(module, "cases")}

if __name__ == "__main__":
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    for area in sys.argv[1:] or AREAS:
        keras.utils.set_random_seed(0)
        write(f"keras/{area}.json", f"Keras {keras.__version__} on TensorFlow {tensorflow.__version__}", AREAS[area]())
