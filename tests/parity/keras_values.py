"""Writes tests/parity/keras/*.json: what Keras computes for the cases in keras_*.py beside this file.

    python -m venv .venv && .venv/bin/pip install tensorflow==2.21.0 keras==3.15.1
    .venv/bin/python tests/parity/keras_values.py [layers activations attention losses metrics optimizers starts fit models]

Versions: Keras 3.15.1 on TensorFlow 2.21.0 (CPU), NumPy 2.4. Seeded: a second run writes the same bytes on the same kind of processor.
README.md says what the fields mean.
"""

from __future__ import annotations

import os
import sys

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}

import keras
import tensorflow

import keras_activations
import keras_attention
import keras_constraints
import keras_fit
import keras_layers
import keras_losses
import keras_metrics
import keras_models
import keras_optimizers
import keras_preprocessing
import keras_space
import keras_recurrent
import keras_starts
from record import write

AREAS = {
    "layers": keras_layers.cases,
    "activations": keras_activations.cases,
    "attention": keras_attention.cases,
    "losses": keras_losses.cases,
    "metrics": keras_metrics.cases,
    "optimizers": keras_optimizers.cases,
    "preprocessing": keras_preprocessing.cases,
    "space": keras_space.cases,
    "recurrent": keras_recurrent.cases,
    "starts": keras_starts.cases,
    "constraints": keras_constraints.cases,
    "fit": keras_fit.cases,
    "models": keras_models.cases,
}

if __name__ == "__main__":
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    for area in sys.argv[1:] or AREAS:
        keras.utils.set_random_seed(0)
        write(f"keras/{area}.json", f"Keras {keras.__version__} on TensorFlow {tensorflow.__version__}", AREAS[area]())
