"""What Keras' preprocessing layers make of numbers: `adapt` is what they measured before, if they did."""

from __future__ import annotations

import keras
import numpy as np

from keras_layer import class_of, normal, random_of
from record import plain, tensor


def case(name: str, function: str, *args, inputs, adapt: tuple[int, ...] | None = None, **options) -> dict:
    random = random_of(name)
    layer = getattr(keras.layers, class_of(function))(*args, **options)
    x = inputs if isinstance(inputs, np.ndarray) else normal(random, inputs)
    data = None if adapt is None else normal(random, adapt) * 3 + 1
    if data is not None:
        layer.adapt(data)
    found = {"name": name, "layer": {"kind": function, "args": plain(args), "options": plain(options)}, "input": tensor(x), "output": tensor(np.asarray(layer(x)))}
    return found | ({"adapt": tensor(data)} if data is not None else {})


def cases() -> list[dict]:
    words = np.int32([[0, 2, 2], [3, 1, 0]])
    return [
        case("rescaling", "rescaling", 0.5, offset=-1.0, inputs=(2, 3)),
        case("normalization, measured", "normalization", adapt=(20, 3), inputs=(4, 3)),
        case("normalization on another axis", "normalization", axis=1, adapt=(10, 2, 3), inputs=(4, 2, 3)),
        case("normalization of all numbers", "normalization", axis=None, adapt=(10, 3), inputs=(4, 3)),
        case("normalization, given", "normalization", mean=[1.0, 2.0], variance=[4.0, 0.25], inputs=(3, 2)),
        case("normalization, the way back", "normalization", mean=1.0, variance=4.0, invert=True, inputs=(3, 2)),
        case("discretization", "discretization", [-0.5, 0.0, 1.0], inputs=np.float32([[-1, -0.5, -0.1], [0, 0.99, 1]])),
        case("discretization, measured", "discretization", num_bins=4, adapt=(30, 2), inputs=(4, 3)),
        case("discretization of much data", "discretization", num_bins=5, epsilon=0.02, adapt=(500, 3), inputs=(4, 3)),
        case("discretization, one hot", "discretization", [-0.5, 0.0, 1.0], output_mode="one_hot", inputs=(3, 1)),
        case("discretization, counted", "discretization", [-0.5, 0.0, 1.0], output_mode="count", inputs=(3, 4)),
        case("categoryEncoding", "categoryEncoding", 4, inputs=words),
        case("categoryEncoding, counted", "categoryEncoding", 4, output_mode="count", inputs=words),
        case("categoryEncoding, one hot", "categoryEncoding", 4, output_mode="one_hot", inputs=words[:, :1]),
    ]
