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


def trajectory(name: str, function: str, shapes: tuple = SHAPES, rate: dict | None = None, **options) -> dict:
    """`rate`: a learning rate that changes, as {"kind": class, **options}."""
    random = random_of(name)
    given = [{"start": normal(random, shape), "a": np.float32(random.random(shape) * 2 + 0.1), "b": normal(random, shape)} for shape in shapes]
    parameters = [keras.Variable(value["start"]) for value in given]
    described = dict(options)
    if rate:
        kind, rest = rate["kind"], {key: value for key, value in rate.items() if key != "kind"}
        options["learning_rate"] = getattr(keras.optimizers.schedules, kind)(**rest)
        described["learning_rate"] = {"kind": kind[0].lower() + kind[1:], "options": rest}
    optimizer = getattr(keras.optimizers, CLASSES.get(function, function.capitalize()))(**options)
    kept = {}
    for step in range(1, max(KEPT) + 1):
        with tf.GradientTape() as tape:
            value = sum(tf.reduce_sum(0.5 * v["a"] * (p.value - v["b"]) ** 2) + tf.reduce_sum(tf.cos(p.value)) for v, p in zip(given, parameters))
        optimizer.apply_gradients(zip(tape.gradient(value, [p.value for p in parameters]), parameters))
        if step in KEPT:
            kept[str(step)] = [tensor(p.numpy()) for p in parameters]
    if options.get("use_ema"):
        optimizer.finalize_variable_values(parameters)
    final = [tensor(p.numpy()) for p in parameters] if options.get("use_ema") else None
    defaults = {key: item for key, item in optimizer.get_config().items() if key not in ("name", "loss_scale_factor", "gradient_accumulation_steps", *(["learning_rate"] if rate else []))}
    return {
        "name": name,
        "optimizer": {"kind": function, "options": plain(described)},
        "configuration": plain(defaults),
        "parameters": [plain(value) for value in given],
        "trajectory": kept,
        **({"final": final} if final else {}),
    }


def schedule_free(name: str, learning_rate: float, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, warmup_steps: int = 0, weight_decay: float = 0.0) -> dict:
    """Keras' ScheduleFreeAdamW by its own formulas in NumPy: on TensorFlow its "momentum_old" is a view of the new momentum, so its numbers depend on the backend."""
    random = random_of(name)
    given = [{"start": normal(random, shape), "a": np.float32(random.random(shape) * 2 + 0.1), "b": normal(random, shape)} for shape in SHAPES]
    y = [np.float64(v["start"]) for v in given]
    z = [p.copy() for p in y]
    square = [np.zeros_like(p) for p in y]
    kept = {}
    for step in range(1, max(KEPT) + 1):
        rate = learning_rate * (min(step / warmup_steps, 1) if warmup_steps else 1)
        for i, v in enumerate(given):
            gradient = v["a"] * (y[i] - v["b"]) - np.sin(y[i])
            y[i] = y[i] - y[i] * weight_decay * learning_rate
            square[i] += (1 - beta_2) * (gradient**2 - square[i])
            before = z[i]
            z[i] = before - rate * gradient / (np.sqrt(square[i] / (1 - beta_2**step)) + epsilon)
            mean = (y[i] - (1 - beta_1) * before) / beta_1
            mean += (z[i] - mean) / step
            y[i] = (1 - beta_1) * z[i] + beta_1 * mean
        if step in KEPT:
            kept[str(step)] = [tensor(np.float32(p)) for p in y]
    options = {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon, "warmup_steps": warmup_steps, "weight_decay": weight_decay}
    return {
        "name": name,
        "optimizer": {"kind": "scheduleFreeAdamw", "options": plain(options)},
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
        trajectory("nadam", "nadam", learning_rate=0.02) | {"tolerance": 1e-4},
        schedule("ExponentialDecay", initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5),
        schedule("ExponentialDecay", initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5, staircase=True),
        schedule("CosineDecay", initial_learning_rate=0.1, decay_steps=20, alpha=0.1),
        schedule("CosineDecay", initial_learning_rate=0.01, decay_steps=20, warmup_target=0.1, warmup_steps=5),
        schedule("PolynomialDecay", initial_learning_rate=0.1, decay_steps=20, end_learning_rate=0.01, power=2.0),
        schedule("PiecewiseConstantDecay", boundaries=[5, 12], values=[0.1, 0.05, 0.01]),
        schedule("InverseTimeDecay", initial_learning_rate=0.1, decay_steps=5, decay_rate=0.5),
        trajectory("adagrad with everything", "adagrad", learning_rate=0.1, initial_accumulator_value=0.5, epsilon=1e-3, weight_decay=0.05),
        trajectory("adadelta with everything", "adadelta", learning_rate=0.5, rho=0.8, epsilon=1e-4, weight_decay=0.02),
        trajectory("adamax with everything", "adamax", learning_rate=0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-4, weight_decay=0.05),
        trajectory("nadam with everything", "nadam", learning_rate=0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-4, weight_decay=0.05),
        trajectory("adafactor", "adafactor"),
        trajectory("adafactor with everything", "adafactor", learning_rate=0.05, beta_2_decay=-0.6, epsilon_1=1e-4, epsilon_2=1e-2, clip_threshold=0.8, relative_step=False, weight_decay=0.02),
        trajectory("adafactor on three axes", "adafactor", ((2, 3, 4), (3,)), learning_rate=0.05),
        trajectory("lion", "lion", learning_rate=0.01),
        trajectory("lion with everything", "lion", learning_rate=0.02, beta_1=0.8, beta_2=0.95, weight_decay=0.1),
        trajectory("lamb", "lamb", learning_rate=0.01),
        trajectory("lamb with everything", "lamb", learning_rate=0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-4, weight_decay=0.1),
        trajectory("ftrl", "ftrl", learning_rate=0.1),
        trajectory("ftrl with everything", "ftrl", learning_rate=0.2, learning_rate_power=-0.6, initial_accumulator_value=0.2, l1_regularization_strength=0.05, l2_regularization_strength=0.02, l2_shrinkage_regularization_strength=0.01, beta=0.1),
        trajectory("muon", "muon", ((6, 4), (3, 5), (5,)), learning_rate=0.02),
        trajectory("muon with everything", "muon", ((6, 4), (5,)), learning_rate=0.02, momentum=0.9, nesterov=False, ns_steps=4, rms_rate=0.3, weight_decay=0.1, adam_weight_decay=0.05, adam_lr_ratio=0.5, adam_beta_1=0.8, adam_beta_2=0.95),
        schedule_free("scheduleFreeAdamw", learning_rate=0.02) | {"tolerance": 2e-4},
        schedule_free("scheduleFreeAdamw with everything", learning_rate=0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-5, warmup_steps=10, weight_decay=0.05),
        trajectory("adam with useEma", "adam", learning_rate=0.05, use_ema=True, ema_momentum=0.9),
        trajectory("sgd with useEma and emaOverwriteFrequency", "sgd", learning_rate=0.05, momentum=0.9, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=7),
        trajectory("sgd with exponentialDecay", "sgd", rate={"kind": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
        trajectory("adam with cosineDecay", "adam", rate={"kind": "CosineDecay", "initial_learning_rate": 0.01, "decay_steps": 30, "warmup_target": 0.1, "warmup_steps": 5}),
        schedule("PolynomialDecay", initial_learning_rate=0.1, decay_steps=8, end_learning_rate=0.01, cycle=True),
        schedule("InverseTimeDecay", initial_learning_rate=0.1, decay_steps=5, decay_rate=0.5, staircase=True),
        schedule("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=6),
        schedule("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=5, t_mul=1.5, m_mul=0.8, alpha=0.05),
        schedule("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=5, t_mul=1.0, m_mul=0.9),
    ]
