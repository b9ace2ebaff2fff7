"""A loss scaled by as much as its gradients bear: Keras' LossScaleOptimizer, fed gradients that are now and then out of reach."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from record import plain, tensor

FACTORS = [1, 1, np.inf, 1, 1, 1, -2, np.nan, np.inf, 1, 1, 1, 0.5]


def case(name: str, inner: str, options: dict, **scaling) -> dict:
    a, b = np.float32([1.0, 0.5, 2.0]), np.float32([0.3, -1.0, 2.0])
    p = keras.Variable(np.float32([1.0, -2.0, 0.5]))
    optimizer = keras.optimizers.LossScaleOptimizer(getattr(keras.optimizers, inner)(**options), **scaling)
    optimizer.build([p])
    trajectory, scales = [], []
    for factor in FACTORS:
        with tf.GradientTape() as tape:
            loss = optimizer.scale_loss(tf.reduce_sum(0.5 * a * (p.value - b) ** 2 * np.float32(factor)))
        optimizer.apply([tape.gradient(loss, p.value)], [p])
        trajectory.append(tensor(p.numpy()))
        scales.append(float(optimizer.dynamic_scale.numpy()))
    return {
        "name": name,
        "inner": {"kind": inner.lower(), "options": plain(options)},
        "options": plain(scaling),
        "a": tensor(a),
        "b": tensor(b),
        "start": tensor(np.float32([1.0, -2.0, 0.5])),
        "factors": plain(FACTORS),
        "trajectory": trajectory,
        "scales": scales,
        "optimizer": {"kind": "lossScaleOptimizer"},
    }


def cases() -> list[dict]:
    return [
        case("sgd with momentum", "SGD", {"learning_rate": 0.1, "momentum": 0.9}, initial_scale=8.0, dynamic_growth_steps=2),
        case("adam", "Adam", {"learning_rate": 0.1}, initial_scale=1024.0, dynamic_growth_steps=3),
        case("adam with its gradients clipped, by defaults", "Adam", {"learning_rate": 0.1, "clipnorm": 0.5}),
    ]
