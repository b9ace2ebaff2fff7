"""What Keras' constraints make of a weight, its orthogonal regularizer adds to the loss, and a spectral normalisation does in two steps of training."""

from __future__ import annotations

import keras
import numpy as np

from record import plain, tensor

CONSTRAINTS = [
    ("maxNorm", {}),
    ("maxNorm", {"max_value": 0.7, "axis": 1}),
    ("maxNorm", {"max_value": 0.5, "axis": [0, 1]}),
    ("nonNeg", {}),
    ("unitNorm", {}),
    ("unitNorm", {"axis": 1}),
    ("minMaxNorm", {}),
    ("minMaxNorm", {"min_value": 0.5, "max_value": 0.8, "rate": 0.3, "axis": 1}),
]
CLASSES = {"maxNorm": "MaxNorm", "nonNeg": "NonNeg", "unitNorm": "UnitNorm", "minMaxNorm": "MinMaxNorm"}


def cases() -> list[dict]:
    random = np.random.default_rng(11)
    found = []
    for kind, options in CONSTRAINTS:
        weight = random.standard_normal((4, 3)).astype(np.float32)
        made = getattr(keras.constraints, CLASSES[kind])(**options)(keras.ops.convert_to_tensor(weight))
        found.append({"name": f"{kind} {plain(options)}", "constraint": {"kind": kind, "options": plain(options)}, "weight": tensor(weight), "result": tensor(np.asarray(made))})
    for mode in ("rows", "columns"):
        weight = random.standard_normal((4, 3)).astype(np.float32)
        penalty = keras.regularizers.OrthogonalRegularizer(factor=0.3, mode=mode)(keras.ops.convert_to_tensor(weight))
        found.append({"name": f"orthogonal, {mode}", "regularizer": {"factor": 0.3, "mode": mode}, "weight": tensor(weight), "result": tensor(np.float32(penalty))})
    layer = keras.layers.Dense(3, kernel_constraint=keras.constraints.UnitNorm(), bias_constraint="non_neg")
    x, y = random.standard_normal((8, 4)).astype(np.float32), random.standard_normal((8, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), layer])
    start = [random.standard_normal(shape).astype(np.float32) for shape in ((4, 3), (3,))]
    model.set_weights(start)
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    found.append({"name": "dense, trained", "x": tensor(x), "y": tensor(y), "start": [tensor(w) for w in start], "end": [tensor(w) for w in model.get_weights()]})
    spectral = keras.layers.SpectralNormalization(keras.layers.Dense(3), power_iterations=2)
    spectral.build((2, 4))
    kernel, vector = random.standard_normal((4, 3)).astype(np.float32), random.standard_normal((1, 3)).astype(np.float32)
    spectral.layer.kernel.assign(kernel)
    spectral.vector_u.assign(vector)
    x = random.standard_normal((2, 4)).astype(np.float32)
    outputs = [tensor(np.asarray(spectral(x, training=True))) for _ in range(2)]
    after = {"kernel": tensor(spectral.layer.kernel.numpy()), "vectorU": tensor(spectral.vector_u.numpy())}
    found.append({"name": "spectralNormalization", "kernel": tensor(kernel), "vectorU": tensor(vector), "x": tensor(x), "outputs": outputs, "after": after})
    return found
