"""Trajectories of Keras optimizers over 50 steps of one function that any language can compute:

    f(p) = sum over tensors of 0.5 * sum(a * (p - b)^2) + sum(cos(p)),   gradient a * (p - b) - sin(p)
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_layer import normal, random_of
from record import plain, tensor

KEPT = (1, 2, 5, 10, 25, 50)
SHAPES = ((4, 3), (5,))
CLASSES = {"sgd": "SGD", "rmsprop": "RMSprop", "adamw": "AdamW"}


def trajectory(name: str, function: str, **options) -> dict:
    random = random_of(name)
    given = [{"start": normal(random, shape), "a": np.float32(random.random(shape) * 2 + 0.1), "b": normal(random, shape)} for shape in SHAPES]
    parameters = [keras.Variable(value["start"]) for value in given]
    optimizer = getattr(keras.optimizers, CLASSES.get(function, function.capitalize()))(**options)
    kept = {}
    for step in range(1, max(KEPT) + 1):
        with tf.GradientTape() as tape:
            value = sum(tf.reduce_sum(0.5 * v["a"] * (p.value - v["b"]) ** 2) + tf.reduce_sum(tf.cos(p.value)) for v, p in zip(given, parameters))
        optimizer.apply_gradients(zip(tape.gradient(value, [p.value for p in parameters]), parameters))
        if step in KEPT:
            kept[str(step)] = [tensor(p.numpy()) for p in parameters]
    defaults = {key: item for key, item in optimizer.get_config().items() if key not in ("name", "loss_scale_factor", "gradient_accumulation_steps")}
    return {
        "name": name,
        "optimizer": {"kind": function, "options": plain(options)},
        "configuration": plain(defaults),
        "parameters": [plain(value) for value in given],
        "trajectory": kept,
    }


def schedule(kind: str, **options) -> dict:
    computed = getattr(keras.optimizers.schedules, kind)(**options)
    return {
        "name": kind + "".join(f", {key} {value}" for key, value in options.items()),
        "schedule": {"kind": kind[0].lower() + kind[1:], "options": plain(options)},
        "rates": [float(computed(step)) for step in range(31)],
    }


def cases() -> list[dict]:
    return [
        trajectory("sgd", "sgd"),
        trajectory("sgd with momentum", "sgd", learning_rate=0.05, momentum=0.9),
        trajectory("sgd with nesterov", "sgd", learning_rate=0.05, momentum=0.9, nesterov=True),
        trajectory("sgd with weightDecay", "sgd", learning_rate=0.05, weight_decay=0.1),
        trajectory("sgd with clipnorm", "sgd", learning_rate=0.1, clipnorm=1.0),
        trajectory("sgd with globalClipnorm", "sgd", learning_rate=0.1, global_clipnorm=1.0),
        trajectory("sgd with clipvalue", "sgd", learning_rate=0.1, clipvalue=0.5),
        trajectory("adam", "adam"),
        trajectory("adam with a large rate", "adam", learning_rate=0.1),
        trajectory("adam with its own numbers", "adam", learning_rate=0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-4),
        trajectory("adam with amsgrad", "adam", learning_rate=0.05, amsgrad=True),
        trajectory("adamw", "adamw"),
        trajectory("adamw with weightDecay", "adamw", learning_rate=0.05, weight_decay=0.2),
        trajectory("rmsprop", "rmsprop"),
        trajectory("rmsprop with a large rate", "rmsprop", learning_rate=0.02, rho=0.95),
        trajectory("rmsprop with momentum", "rmsprop", learning_rate=0.01, momentum=0.9),
        trajectory("rmsprop centered", "rmsprop", learning_rate=0.01, centered=True),
        trajectory("rmsprop centered with momentum", "rmsprop", learning_rate=0.01, momentum=0.5, centered=True),
        trajectory("adagrad", "adagrad", learning_rate=0.1),
        trajectory("adadelta", "adadelta", learning_rate=1.0),
        trajectory("adamax", "adamax", learning_rate=0.02),
        trajectory("nadam", "nadam", learning_rate=0.02),
        schedule("ExponentialDecay", initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5),
        schedule("ExponentialDecay", initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5, staircase=True),
        schedule("CosineDecay", initial_learning_rate=0.1, decay_steps=20, alpha=0.1),
        schedule("CosineDecay", initial_learning_rate=0.01, decay_steps=20, warmup_target=0.1, warmup_steps=5),
        schedule("PolynomialDecay", initial_learning_rate=0.1, decay_steps=20, end_learning_rate=0.01, power=2.0),
        schedule("PiecewiseConstantDecay", boundaries=[5, 12], values=[0.1, 0.05, 0.01]),
        schedule("InverseTimeDecay", initial_learning_rate=0.1, decay_steps=5, decay_rate=0.5),
    ]
