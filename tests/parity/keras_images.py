"""Keras' layers that resize, cut and warp images; chance is fixed to one factor, so that it can be compared."""

from __future__ import annotations

import keras
import numpy as np

from keras_layer import class_of, normal, random_of
from record import plain, tensor

FILLS = ("reflect", "wrap", "constant", "nearest")


def case(name: str, function: str, *args, inputs: tuple[int, ...], training: bool = True, **options) -> dict:
    layer = getattr(keras.layers, class_of(function))(*args, **options)
    x = normal(random_of(name), inputs)
    output = np.asarray(layer(x, training=training) if function.startswith("random") else layer(x))
    return {"name": name, "layer": {"kind": function, "args": plain(args), "options": plain(options)}, "training": training, "input": tensor(x), "output": tensor(output)}


def cases() -> list[dict]:
    image = (2, 4, 5, 2)
    ways = ("nearest", "bilinear", "bicubic")
    fixed = {"turn": ("randomRotation", [[0.07, 0.07]]), "move": ("randomTranslation", [[0.3, 0.3], [-0.7, -0.7]]), "zoom out": ("randomZoom", [[0.9, 0.9]]), "zoom in": ("randomZoom", [[-0.3, -0.3], [0.4, 0.4]])}
    return [
        *(case(f"upSampling2d, {way}", "upSampling2d", (2, 4), interpolation=way, inputs=image) for way in ways),
        *(case(f"resizing, {way}", "resizing", 7, 3, interpolation=way, inputs=image) for way in ways[:2]),
        # TensorFlow rounds places to 1/1024, so bicubic is compared where they are whole eighths.
        case("resizing, bicubic", "resizing", 8, 10, interpolation="bicubic", inputs=image),
        case("resizing, channels first", "resizing", 3, 6, data_format="channels_first", inputs=(1, 2, 4, 5)),
        case("resizing, cut to shape", "resizing", 3, 6, crop_to_aspect_ratio=True, inputs=image),
        case("resizing, with room", "resizing", 3, 6, pad_to_aspect_ratio=True, fill_value=2.0, inputs=image),
        case("centerCrop", "centerCrop", 3, 2, inputs=image),
        case("centerCrop of what is too small", "centerCrop", 6, 3, inputs=image),
        *(case(f"{name}, {fill}", kind, *args, fill_mode=fill, fill_value=0.5, inputs=image) for name, (kind, args) in fixed.items() for fill in FILLS),
        *(case(f"{name}, nearest pixel", kind, *args, interpolation="nearest", inputs=(1, 6, 7, 1)) for name, (kind, args) in fixed.items()),
    ]
