"""How Keras starts its weights: no numbers are stored, only the distribution and its measures, checked here against Keras' own draws.

A kernel is [...window, input channels / groups, output channels]: fan in is window * shape[-2], fan out is window * shape[-1].
"""

from __future__ import annotations

import math

import keras
import numpy as np

from keras_layer import class_of, path_of
from record import camel, plain

CUT = 0.87962566103423978  # the standard deviation of a normal distribution cut at two of its own


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    window = math.prod(shape[:-2])
    return (shape[0], shape[0]) if len(shape) == 1 else (window * shape[-2], window * shape[-1])


def uniform(limit: float) -> dict:
    return {"distribution": "uniform", "low": -limit, "high": limit, "mean": 0.0, "std": limit / math.sqrt(3)}


def truncated(std: float) -> dict:
    """`parameter` is the sigma of the normal distribution before it is cut at two sigma; `std` is what is left."""
    return {"distribution": "truncatedNormal", "parameter": std / CUT, "low": -2 * std / CUT, "high": 2 * std / CUT, "mean": 0.0, "std": std}


def expected(name: str, shape: tuple[int, ...]) -> dict:
    fan_in, fan_out = fans(shape)
    scale = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}[name.split("_")[0]]
    return uniform(math.sqrt(3 * scale)) if name.endswith("uniform") else truncated(math.sqrt(scale))


def check(name: str, values: np.ndarray, wanted: dict) -> None:
    tolerance = 6 * max(wanted["std"], 1e-9) / math.sqrt(values.size)
    assert abs(values.mean() - wanted["mean"]) < tolerance, (name, values.mean(), wanted)
    assert abs(values.std() - wanted["std"]) < tolerance, (name, values.std(), wanted)
    if "low" in wanted:
        assert values.min() >= wanted["low"] * 1.000001 and values.max() <= wanted["high"] * 1.000001, name


def initializer(name: str, shape: tuple[int, ...], wanted: dict, **options) -> dict:
    kind = "".join(part.capitalize() for part in name.split("_"))
    check(name, np.stack([np.asarray(getattr(keras.initializers, kind)(**options, seed=seed)(shape)) for seed in range(40)]), wanted)
    label = f"{name} {list(shape)}" + "".join(f", {camel(key)} {value}" for key, value in options.items())
    return {"name": label, "initializer": camel(name), "string": name, "shape": list(shape), "options": plain(options), "fanIn": fans(shape)[0], "fanOut": fans(shape)[1], **wanted}


def orthogonal(shape: tuple[int, ...], gain: float) -> dict:
    """The last axis apart, the rest flattened: the columns (or rows, if there are fewer) are orthonormal times the gain."""
    values = np.asarray(keras.initializers.Orthogonal(gain=gain, seed=1)(shape)).reshape(-1, shape[-1])
    product = values.T @ values if values.shape[0] >= values.shape[1] else values @ values.T
    assert np.allclose(product, gain**2 * np.eye(len(product)), atol=1e-5)
    side = "columns" if values.shape[0] >= values.shape[1] else "rows"
    return {"name": f"orthogonal {list(shape)}, gain {gain}", "initializer": "orthogonal", "shape": list(shape), "options": {"gain": gain}, "distribution": "orthogonal", "matrix": list(values.shape), "orthonormal": side, "gain": gain}


RULES = {"recurrent_kernel": "recurrent_initializer", ("depthwiseConv2d", "kernel"): "depthwise_initializer"}


def layer(function: str, *args, inputs: tuple, **options) -> list[dict]:
    """What each weight of a layer starts as when nothing is said."""
    made = getattr(keras.layers, class_of(function))(*args, **options)
    made.build(inputs)
    cell = getattr(made, "cell", made)
    found = []
    for weight in made.weights:
        path = path_of(made, weight).split("/")[-1]
        if "seed" in path:
            continue
        rule = getattr(cell, RULES.get((function, path)) or RULES.get(path) or f"{path}_initializer")
        config = {key: value for key, value in rule.get_config().items() if key != "seed"} if hasattr(rule, "get_config") else {}
        kind = type(rule).__name__ if hasattr(rule, "get_config") else rule.__name__
        found.append({"name": f"{function}({', '.join(map(str, args))}) {path}", "layer": {"kind": function, "args": plain(args), "options": plain(options)}, "weight": path, "shape": list(weight.shape), "startsAs": kind[0].lower() + kind[1:], "options": plain(config), **({"unitForgetBias": True} if (function, path) == ("lstm", "bias") else {})})
    return found


def cases() -> list[dict]:
    shapes = [(20, 30), (784, 128), (3, 3, 4, 8), (5, 4, 6), (3, 2, 2, 8)]
    names = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"]
    sigma = 0.05
    return [
        *(initializer(name, shape, expected(name, shape)) for name in names for shape in shapes),
        initializer("truncated_normal", (50, 40), truncated(sigma * CUT)),
        initializer("truncated_normal", (50, 40), truncated(0.5 * CUT), stddev=0.5),
        initializer("random_normal", (50, 40), {"distribution": "normal", "mean": 0.0, "std": sigma}),
        initializer("random_uniform", (50, 40), uniform(0.05)),
        *(orthogonal(shape, gain) for shape, gain in [((4, 4), 1.0), ((6, 3), 1.0), ((3, 6), 2.0), ((3, 3, 2, 4), 1.0)]),
        *layer("dense", 8, inputs=(None, 4)),
        *layer("conv2d", 8, 3, inputs=(None, 5, 5, 4), groups=2),
        *layer("depthwiseConv2d", 3, inputs=(None, 5, 5, 4)),
        *layer("embedding", 10, 4, inputs=(None, 3)),
        *layer("batchNormalization", inputs=(None, 4)),
        *layer("layerNormalization", inputs=(None, 4)),
        *layer("simpleRnn", 4, inputs=(None, 3, 2)),
        *layer("lstm", 4, inputs=(None, 3, 2)),
        *layer("gru", 4, inputs=(None, 3, 2)),
    ]
