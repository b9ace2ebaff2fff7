"""Merge layers, and trainings of models with several inputs and outputs, shared layers and models within models."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_layer import normal, random_of
from record import plain, tensor

SAMPLES = 24


def merge(name: str, kind: str, *shapes: tuple[int, ...], **options) -> dict:
    random = random_of(name)
    inputs = [tf.Variable(normal(random, shape)) for shape in shapes]
    layer = getattr(layers, kind[0].upper() + kind[1:])(**options)
    with tf.GradientTape() as tape:
        output = layer([tf.convert_to_tensor(each) for each in inputs])
        start = normal(random, tuple(output.shape))
        total = tf.reduce_sum(output * start)
    return {
        "name": name,
        "merge": {"kind": kind, "options": plain(options)},
        "inputs": [tensor(each.numpy()) for each in inputs],
        "output": tensor(output.numpy()),
        "outputGradient": tensor(start),
        "gradients": [tensor(tf.convert_to_tensor(each).numpy()) for each in tape.gradient(total, inputs)],
    }


def merges() -> list[dict]:
    found = [merge(kind, kind, (3, 4), (3, 4)) for kind in ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate")]
    found += [merge(f"{kind} of three", kind, (2, 3, 4), (2, 3, 4), (2, 3, 4)) for kind in ("add", "multiply", "average", "maximum", "minimum", "concatenate")]
    return [
        *found,
        merge("add where one is smaller", "add", (2, 3, 4), (2, 1, 4)),
        merge("multiply where one has fewer axes", "multiply", (2, 3, 4), (2, 4)),
        merge("concatenate along axis 1", "concatenate", (2, 3, 4), (2, 2, 4), axis=1),
        merge("dot of vectors", "dot", (3, 4), (3, 4), axes=1),
        merge("dot of vectors, normalised", "dot", (3, 4), (3, 4), axes=1, normalize=True),
        merge("dot of matrices", "dot", (2, 3, 4), (2, 5, 4), axes=2),
        merge("dot of matrices along different axes", "dot", (2, 3, 4), (2, 4, 5), axes=(2, 1)),
        merge("dot of matrices, normalised", "dot", (2, 3, 4), (2, 3, 5), axes=1, normalize=True),
        merge("dot of a matrix and a vector", "dot", (2, 3, 4), (2, 4), axes=(2, 1)),
    ]


def two() -> keras.Model:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(5, activation="relu", name="shared")
    inner_input = keras.Input((5,), name="inner_input")
    inner = keras.Model(inner_input, layers.Dense(5, activation="tanh", name="within")(inner_input), name="inner")
    left, right = shared(a), shared(b)
    joined = layers.Concatenate(name="joined")([inner(left), inner(right), layers.Multiply(name="product")([left, right])])
    p = layers.Dense(3, activation="softmax", name="p")(joined)
    q = layers.Dense(1, name="q")(layers.Subtract(name="difference")([left, right]))
    return keras.Model([a, b], [p, q])


def training(name: str, compiled: dict, weights: dict | None = None, **options) -> dict:
    random = random_of("models data")
    x = {"a": normal(random, (SAMPLES, 4)), "b": normal(random, (SAMPLES, 4))}
    labels = np.int32(np.argmax((x["a"] - x["b"]) @ normal(random, (4, 3)), axis=1))
    y = {"p": labels, "q": np.float32(x["a"][:, :1] * x["b"][:, 1:2])}
    model = two()
    random = random_of("models start")
    start = [normal(random, value.shape) * np.float32(0.5) for value in model.get_weights()]
    model.set_weights(start)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.02), **compiled)
    weighted = {} if weights is None else {"sample_weight": [weights["p"], weights["q"]]}
    history = model.fit([x["a"], x["b"]], [y["p"], y["q"]], epochs=3, batch_size=7, shuffle=False, verbose=0, **weighted, **options).history
    evaluated = model.evaluate([x["a"], x["b"]], [y["p"], y["q"]], batch_size=7, verbose=0, return_dict=True)
    predicted = model.predict([x["a"][:4], x["b"][:4]], verbose=0)
    return {
        "name": name,
        "compile": plain(compiled),
        "fit": {"epochs": 3, "batchSize": 7, "shuffle": False, **plain(options)},
        **({} if weights is None else {"sampleWeight": {key: tensor(value) for key, value in weights.items()}}),
        "x": {key: tensor(value) for key, value in x.items()},
        "y": {key: tensor(value) for key, value in y.items()},
        "parameters": model.count_params(),
        "layers": [layer.name for layer in model.layers],
        "start": [tensor(value) for value in start],
        "end": [tensor(value) for value in model.get_weights()],
        "history": {key: [float(value) for value in values] for key, values in history.items()},
        "evaluate": {key: float(value) for key, value in evaluated.items()},
        "predictions": [tensor(value) for value in predicted],
    }


def cases() -> list[dict]:
    random = random_of("models weights")
    weights = {"p": np.float32(random.random(SAMPLES) * 2), "q": np.float32(random.random(SAMPLES) * 2)}
    losses = {"p": "sparse_categorical_crossentropy", "q": "mean_squared_error"}
    return [
        *merges(),
        training("two inputs and outputs", {"loss": list(losses.values())}, validation_split=0.25),
        training("losses by name, weighed", {"loss": losses, "loss_weights": {"p": 1.0, "q": 0.3}, "metrics": {"p": ["accuracy"], "q": ["mae"]}}, validation_split=0.25),
        training("one loss for all", {"loss": ["sparse_categorical_crossentropy", "mean_absolute_error"], "loss_weights": [0.5, 2.0], "metrics": [["accuracy"], ["mae", "mse"]]}),
        training("weights of samples by output", {"loss": losses, "weighted_metrics": {"p": ["accuracy"], "q": ["mae"]}}, weights=weights),
    ]
