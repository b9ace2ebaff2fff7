"""Cases of keras.activations by name and of the activation layers, whose defaults sometimes differ from the name's."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_layer import case, label, random_of
from record import plain, tensor

HARD = np.float32(
    [
        [0.0, -0.0, 1e-4, -1e-4, 0.5, -0.5, 1.0, -1.0],
        [2.0, -2.0, 3.0, -3.0, 6.0, -6.0, 0.3, -0.7],
        [1.7, -2.4, 4.5, -3.9, 20.1, -20.1, 50.0, -50.0],
        [80.0, -80.0, 104.0, -104.0, 1000.0, -1000.0, 1e4, -1e4],
    ]
)

ELEMENTWISE = ["relu", "sigmoid", "tanh", "elu", "selu", "gelu", "swish", "silu", "softplus", "softsign", "leaky_relu"]
ELEMENTWISE += ["hard_sigmoid", "hard_silu", "hard_swish", "relu6", "linear", "mish", "celu", "log_sigmoid"]
ELEMENTWISE += ["hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "sparse_plus", "sparse_sigmoid", "squareplus"]
OF_ROWS = ["softmax", "log_softmax", "glu"]

# With settings: how a function is called.
TUNED = [("relu", {"negative_slope": 0.1, "max_value": 4.0, "threshold": 0.6}), ("elu", {"alpha": 0.5}), ("celu", {"alpha": 1.7}), ("leaky_relu", {"negative_slope": 0.3})]
TUNED += [("gelu", {"approximate": True}), ("soft_shrink", {"threshold": 1.6}), ("hard_shrink", {"threshold": 2.5}), ("threshold", {"threshold": 0.4, "default_value": -3.0}), ("squareplus", {"b": 2})]
TUNED += [("softmax", {"axis": 0}), ("log_softmax", {"axis": 0}), ("glu", {"axis": 1})]

LAYERS = [
    ("relu", {}),
    ("relu", {"max_value": 6.0}),
    ("relu", {"max_value": 4.0, "negative_slope": 0.1, "threshold": 0.6}),
    ("leakyRelu", {}),
    ("leakyRelu", {"negative_slope": 0.1}),
    ("elu", {}),
    ("elu", {"alpha": 0.5}),
    ("softmax", {}),
    ("softmax", {"axis": 0}),
    ("prelu", {}),
]


def named(name: str, x: np.ndarray, **options) -> dict:
    """The function that `activation: name` means, perhaps with settings."""
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        output = keras.activations.get(name)(given, **options)
        gradient = random_of(name).standard_normal(output.shape).astype(np.float32)
        total = tf.reduce_sum(output * gradient)
    return {
        "name": label(name, options),
        "activation": name,
        **({"options": plain(options)} if options else {}),
        "inputs": [tensor(x)],
        "output": tensor(output.numpy()),
        "outputGradient": tensor(gradient),
        "gradients": {"input0": tensor(tape.gradient(total, given).numpy())},
    }


def cases() -> list[dict]:
    return [
        *(named(name, HARD) for name in ELEMENTWISE),
        named("exponential", HARD[:3]),
        *(named(name, HARD) for name in OF_ROWS),
        *(named(name, HARD[:2] * 0.9 + 0.03, **options) for name, options in TUNED),
        *(case(f"layer {label(kind, options)}", kind, inputs=HARD[:3], **options) for kind, options in LAYERS),
    ]
