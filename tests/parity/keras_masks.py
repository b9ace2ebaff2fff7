"""Models whose embedding masks steps: what the layers behind, the loss and the metrics make of it, and a training."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from keras_layer import normal, random_of
from record import plain, tensor

WORDS = np.int32([[1, 2, 0, 0], [3, 4, 5, 0], [2, 1, 3, 5], [4, 0, 2, 0]])


def case(name: str, spelled: dict | None, behind, weights: bool = False) -> dict:
    random = random_of(name)
    x = keras.Input((4,), dtype="int32")
    h = layers.Embedding(6, 3, mask_zero=True)(x)
    model = keras.Model(x, layers.Dense(1)(behind(h)))
    drawn = [normal(random, weight.shape) * np.float32(0.5) for weight in model.weights]
    model.set_weights([np.abs(start) if "variance" in weight.path else start for weight, start in zip(model.weights, drawn)])
    start = [tensor(weight) for weight in model.get_weights()]
    y = normal(random, (4, *model.output_shape[1:]))
    sample_weight = np.float32(random.random(y.shape[:-1])) if weights else None
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", metrics=["mae"], weighted_metrics=["mse"])
    measured = model.evaluate(WORDS, y, sample_weight=sample_weight, batch_size=4, verbose=0)
    history = model.fit(WORDS, y, sample_weight=sample_weight, epochs=2, batch_size=4, shuffle=False, verbose=0).history
    return {
        "name": name,
        "layer": spelled,
        "x": tensor(WORDS),
        "y": tensor(y),
        **({"sampleWeight": tensor(sample_weight)} if weights else {}),
        "start": start,
        "measured": plain([float(value) for value in measured]),
        "history": plain({key: [float(value) for value in values] for key, values in history.items()}),
        "end": [tensor(weight) for weight in model.get_weights()],
        "predictions": tensor(model.predict(WORDS, verbose=0)),
    }


def cases() -> list[dict]:
    lstm = {"kind": "lstm", "args": [3, {"returnSequences": True}]}
    heads = {"kind": "multiHeadAttention", "args": [{"numHeads": 2, "keyDim": 2}]}
    attend = lambda h: layers.MultiHeadAttention(2, 2)(h, h)  # noqa: E731
    twice = lambda layer: lambda h: layer([h, h])  # noqa: E731
    return [
        case("a number for each step", None, lambda h: h),
        case("a state for each step", lstm, layers.LSTM(3, return_sequences=True)),
        case("states of both directions for each step", {"kind": "bidirectional", "inner": lstm}, layers.Bidirectional(layers.LSTM(3, return_sequences=True))),
        case("the mean of the steps", {"kind": "globalAveragePooling1d", "args": []}, layers.GlobalAveragePooling1D()),
        case("the last state", {"kind": "lstm", "args": [3]}, layers.LSTM(3)),
        case("attention", heads, attend),
        case("attention without projections", {"kind": "attention", "args": []}, twice(layers.Attention())),
        case("additive attention", {"kind": "additiveAttention", "args": []}, twice(layers.AdditiveAttention())),
        case("the sum of two", {"kind": "add", "args": []}, twice(layers.Add())),
        case("two side by side", {"kind": "concatenate", "args": []}, twice(layers.Concatenate())),
        case("two one after another", {"kind": "concatenate", "args": [{"axis": 1}]}, twice(layers.Concatenate(axis=1))),
        case("moments of the batch", {"kind": "batchNormalization", "args": []}, layers.BatchNormalization()),
        case("each step weighted", None, lambda h: h, True),
        case("the mean of the steps, weighted", {"kind": "globalAveragePooling1d", "args": []}, layers.GlobalAveragePooling1D(), True),
    ]
