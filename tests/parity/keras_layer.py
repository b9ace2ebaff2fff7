"""Runs one Keras layer forward and backward and records all of it."""

from __future__ import annotations

import re
import zlib

import keras
import numpy as np
import tensorflow as tf

from record import camel, plain, tensor


def random_of(name: str) -> np.random.Generator:
    """Each case has its own random stream, so that adding a case leaves the others as they are."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


def path_of(layer: keras.Layer, weight) -> str:
    """The weight's name without the automatic name of the layer: kernel, bias, gamma, moving_mean, ..."""
    return re.sub(rf"^{re.escape(layer.name)}/", "", weight.path)


CLASSES = {"rmsNormalization": "RMSNormalization", "relu": "ReLU", "elu": "ELU", "leakyRelu": "LeakyReLU", "prelu": "PReLU", "lstm": "LSTM", "gru": "GRU", "simpleRnn": "SimpleRNN"}


def class_of(function: str) -> str:
    """Keras' classes are the TypeScript functions with a capital: conv2dTranspose is Conv2DTranspose, dense is Dense."""
    capital = re.sub(r"([123])d(?=[A-Z]|$)", r"\1D", function[0].upper() + function[1:])
    return CLASSES.get(function, capital)


def case(name: str, function: str, *args, inputs, training: bool = True, weights: dict | None = None, **options) -> dict:
    """`function` is the layer's function in TypeScript, so `conv2d`; `inputs`: a shape or an array."""
    random = random_of(name)
    layer = getattr(keras.layers, class_of(function))(*[tuple(arg) if isinstance(arg, list) else arg for arg in args], **options)
    x = inputs if isinstance(inputs, np.ndarray) else normal(random, inputs)
    layer.build(x.shape)
    for weight in layer.weights:
        drawn = normal(random, tuple(weight.shape)) * 0.5
        positive = path_of(layer, weight) in ("gamma", "moving_variance")
        weight.assign(np.abs(drawn) + 0.5 if positive else drawn)
    for path, value in (weights or {}).items():
        next(weight for weight in layer.weights if path_of(layer, weight) == path).assign(value)
    start = [{"name": path_of(layer, weight), **tensor(weight.numpy())} for weight in layer.weights]
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        if given.dtype.is_floating:
            tape.watch(given)
        output = layer(given, training=training)
        gradient = normal(random, tuple(output.shape))
        total = tf.reduce_sum(output * gradient)
    trainable = layer.trainable_weights
    sources = [given] if given.dtype.is_floating else []
    found = tape.gradient(total, [*sources, *(weight.value for weight in trainable)], unconnected_gradients="zero")
    names = [*(["input0"] if sources else []), *(path_of(layer, weight) for weight in trainable)]
    recorded = {
        "name": name,
        "layer": {"kind": function, "args": plain(args), "options": plain(options)},
        "training": training,
        "weights": start,
        "inputs": [tensor(x)],
        "output": tensor(output.numpy()),
        "outputGradient": tensor(gradient),
        "gradients": {key: tensor(tf.convert_to_tensor(value).numpy()) for key, value in zip(names, found)},
        "parameters": {"total": layer.count_params(), "trainable": sum(int(np.prod(weight.shape)) for weight in trainable)},
    }
    kept = [weight for weight in layer.non_trainable_weights if weight.dtype == "float32"]
    after = {path_of(layer, weight): tensor(weight.numpy()) for weight in kept}
    return recorded | ({"weightsAfter": after} if after else {})


def label(kind: str, options: dict) -> str:
    return kind + "".join(f", {camel(key)} {value}" for key, value in options.items())
