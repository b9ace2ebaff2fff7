"""Positions of sequences: Keras' reversible embedding, and KerasHub's layers (PYTHONPATH to a `pip install --no-deps keras-hub==0.32.0`). A case is as in keras/attention, of one input."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_layer import normal, path_of, random_of
from record import plain, tensor


def hub(file: str, name: str):
    """A class of KerasHub from its own file: the library as a whole wants more than these layers need."""
    root = next(Path(path) / "keras_hub" for path in sys.path if (Path(path) / "keras_hub").is_dir())
    for module in ("keras_hub", "keras_hub.src", "keras_hub.src.layers", "keras_hub.src.layers.modeling", "keras_hub.src.utils"):
        if module not in sys.modules:
            sys.modules[module] = types.ModuleType(module)
            sys.modules[module].__path__ = [str(root / Path(*module.split(".")[1:]))]
    return getattr(importlib.import_module(f"keras_hub.src.layers.modeling.{file}"), name)


FILES = {"SinePositionEncoding": "sine_position_encoding", "PositionEmbedding": "position_embedding", "TokenAndPositionEmbedding": "token_and_position_embedding", "RotaryEmbedding": "rotary_embedding"}


def case(name: str, kind: str, shape: tuple[int, ...], *, integers: int = 0, call: dict | None = None, **options) -> dict:
    random = random_of(name)
    title = kind[0].upper() + kind[1:]
    layer = (hub(FILES[title], title) if title in FILES else keras.layers.ReversibleEmbedding)(**options)
    x = random.integers(0, integers, shape).astype("int32") if integers else normal(random, shape)
    call = call or {}
    layer.build((2, 4) if kind == "reversibleEmbedding" else x.shape)
    for weight in layer.weights:
        weight.assign(normal(random, tuple(weight.shape)) * 0.5)
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given) if not integers else None
        output = layer(given, **{key: tf.constant(value) if isinstance(value, list) else value for key, value in call.items()})
        flow = normal(random, tuple(output.shape))
        total = tf.reduce_sum(output * flow)
    weights = layer.trainable_weights
    found = tape.gradient(total, [*([] if integers else [given]), *(w.value for w in weights)], unconnected_gradients="zero")
    return {
        "name": name,
        "layer": {"kind": kind, "options": plain(options)},
        "weights": [{"name": path_of(layer, w), **tensor(w.numpy())} for w in layer.weights],
        "input": tensor(x),
        "call": plain({key: np.array(value, "int32") if isinstance(value, list) else value for key, value in call.items()}),
        "output": tensor(output.numpy()),
        "outputGradient": tensor(flow),
        "gradients": [tensor(tf.convert_to_tensor(g).numpy()) for g in found],
    }


def cases() -> list[dict]:
    x, places = (2, 4, 6), [[3, 0, 1, 2], [7, 7, 2, 5]]
    tied = {"input_dim": 7, "output_dim": 3}
    token = {"vocabulary_size": 9, "sequence_length": 8, "embedding_dim": 6}
    return [
        case("sines", "sinePositionEncoding", x),
        case("sines, shorter, later", "sinePositionEncoding", (2, 4, 5), max_wavelength=300, call={"start_index": 5}),
        case("sines of places", "sinePositionEncoding", x, call={"positions": places}),
        case("learnt positions", "positionEmbedding", x, sequence_length=8),
        case("learnt positions, later", "positionEmbedding", x, sequence_length=8, call={"start_index": 3}),
        case("learnt positions of places", "positionEmbedding", x, sequence_length=8, call={"positions": places}),
        case("tokens and positions", "tokenAndPositionEmbedding", (2, 4), integers=9, **token),
        case("tokens and positions, later", "tokenAndPositionEmbedding", (2, 4), integers=9, **token, call={"start_index": 2}),
        case("turned pairs", "rotaryEmbedding", x),
        case("turned pairs of heads, later", "rotaryEmbedding", (2, 4, 3, 6), max_wavelength=500, call={"start_index": 5}),
        case("turned pairs of places", "rotaryEmbedding", x, call={"positions": places}),
        case("turned pairs, other axes", "rotaryEmbedding", (2, 3, 4, 5), sequence_axis=3, feature_axis=2),
        case("turned pairs, positions after heads", "rotaryEmbedding", (2, 3, 4, 6), sequence_axis=2),
        case("turned pairs, stretched", "rotaryEmbedding", x, scaling_factor=4.0),
        case("turned pairs, stretched by features", "rotaryEmbedding", x, scaling_factor=4.0, rope_type="dynamic", denominator_dim=8),
        case("turned pairs, yarn", "rotaryEmbedding", (2, 4, 32), scaling_factor=4.0, rope_type="yarn", original_max_position_embeddings=64, beta_fast=8.0),
        case("turned pairs, yarn between features", "rotaryEmbedding", (2, 4, 32), scaling_factor=2.0, rope_type="yarn", original_max_position_embeddings=200, truncate=False),
        case("reversible embedding", "reversibleEmbedding", (2, 4), integers=7, **tied),
        case("reversible embedding, back", "reversibleEmbedding", (2, 4, 3), **tied, call={"reverse": True}),
        case("reversible embedding, back by weights of its own, capped", "reversibleEmbedding", (2, 4, 3), **tied, tie_weights=False, logit_soft_cap=0.8, call={"reverse": True}),
    ]
