"""Keras' layers that change images by chance: what was drawn is recorded, so that the same can be done with it."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_layer import class_of, random_of
from record import camel, plain, tensor

CLASSES = {"contrastLimitedAdaptiveHistogramEqualization": "ContrastLimitedAdaptiveHistogramEqualization"}


def images(name: str, shape: tuple[int, ...], high: float = 255) -> np.ndarray:
    return np.round(random_of(name).uniform(0, high, shape), 0 if high == 255 else 3).astype("float32")


def recorded(drawn) -> object:
    """What a layer has drawn, by name; without sizes and seeds."""
    if drawn is None:
        return {}
    if isinstance(drawn, dict):
        return {camel(key): recorded(value) for key, value in drawn.items() if key not in ("input_shape", "seed")}
    array = np.asarray(drawn)
    return tensor(array.astype("int32") if array.dtype == np.uint8 or array.dtype == bool else array)


def case(name: str, function: str, *args, shape=(3, 5, 6, 3), high: float = 255, labels: int = 0, masks: bool = False, seed: int = 7, **options) -> dict:
    keras.utils.set_random_seed(seed)
    layer = getattr(layers, CLASSES.get(function, class_of(function)))(*args, **options)
    x = images(name, shape, high)
    drawn = layer.get_random_transformation(tf.constant(x), training=True)
    made = {
        "name": name,
        "layer": {"kind": function, "args": plain(args), "options": plain(options)},
        "input": tensor(x),
        "transformation": {"shouldApply": recorded(drawn)} if function == "randomGrayscale" else recorded(drawn),
        "output": tensor(np.asarray(layer.transform_images(tf.constant(x), drawn, training=True))),
    }
    if labels:
        y = random_of(f"{name} labels").uniform(0, 1, (shape[0], labels)).astype("float32")
        made |= {"labels": tensor(y), "changedLabels": tensor(np.asarray(layer.transform_labels(tf.constant(y), drawn, training=True)))}
    if masks:
        z = random_of(f"{name} masks").integers(0, 4, (*shape[:-1], 1)).astype("float32")
        made |= {"masks": tensor(z), "changedMasks": tensor(np.asarray(layer.transform_segmentation_masks(tf.constant(z), drawn, training=True)))}
    return made


def elastic(name: str, **options) -> dict:
    """Keras draws both directions of its noise alike, so it is given what it draws."""
    keras.utils.set_random_seed(3)
    shape = (1, 24, 30, 1)
    layer = layers.RandomElasticTransform(**options)
    x = images(name, shape)
    drawn = layer.get_random_transformation(tf.constant(x))
    noise = [random_of(f"{name} {i}").standard_normal(shape[:3]).astype("float32") for i in range(2)]
    left = list(noise)
    was = tf.random.stateless_normal
    tf.random.stateless_normal = lambda **_: tf.constant(left.pop(0))
    try:
        output = np.asarray(layer.transform_images(tf.constant(x), drawn))
    finally:
        tf.random.stateless_normal = was
    across, down = noise
    return {
        "name": name,
        "layer": {"kind": "randomElasticTransform", "args": [], "options": plain(options)},
        "input": tensor(x),
        "transformation": {**recorded(drawn), "across": tensor(across), "down": tensor(down)},
        "output": tensor(output),
    }


def cases() -> list[dict]:
    one = (1, 6, 7, 3)
    return [
        case("brightness", "randomBrightness", 0.4),
        case("brightness of a range", "randomBrightness", [0.1, 0.3], value_range=(-1, 2), high=1),
        case("contrast", "randomContrast", [0.3, 0.6]),
        case("autoContrast", "autoContrast"),
        case("autoContrast of a range, one channel flat", "autoContrast", value_range=(0, 1), shape=(2, 4, 4, 1), high=0.4),
        case("invert", "randomInvert", [0.5, 0.5], shape=(6, 2, 2, 3)),
        case("invert of a range", "randomInvert", 1.0, value_range=(0, 1), high=1),
        case("solarization", "solarization", 0.3, 0.8),
        case("solarization of a range", "solarization", [0.2, 0.4], [0.4, 0.9], value_range=(0, 1), high=1),
        case("posterization", "randomPosterization", 6),
        case("posterization, three bits", "randomPosterization", [3, 3], value_range=(0, 1), high=1),
        case("equalization", "equalization", shape=one),
        case("equalization, few bins", "equalization", bins=12, shape=one),
        case("equalization of a range", "equalization", value_range=(0, 1), high=1, shape=one),
        case("adaptive equalization", "contrastLimitedAdaptiveHistogramEqualization", shape=(2, 16, 24, 2)),
        case("adaptive equalization, odd sizes", "contrastLimitedAdaptiveHistogramEqualization", clip_limit=2.0, tile_grid_size=(3, 2), shape=(2, 13, 11, 3)),
        case("adaptive equalization without limit", "contrastLimitedAdaptiveHistogramEqualization", clip_limit=0.0, tile_grid_size=(2, 2), value_range=(0, 1), high=1, shape=(1, 8, 10, 1)),
        case("hue", "randomHue", 0.9),
        case("hue of a range", "randomHue", [0.2, 0.7], value_range=(0, 1), high=1),
        case("saturation", "randomSaturation", [0.1, 0.5], high=1, value_range=(0, 1)),
        case("saturation, strong", "randomSaturation", [0.7, 0.9], high=1, value_range=(0, 1)),
        case("saturation of bytes", "randomSaturation", [0.1, 0.4]),
        case("grayscale", "randomGrayscale", 0.5, shape=(6, 2, 3, 3)),
        case("color degeneration", "randomColorDegeneration", [0.2, 0.9]),
        case("sharpness", "randomSharpness", [0.0, 1.0]),
        case("sharpness, sharp", "randomSharpness", [0.7, 1.0], value_range=(0, 1), high=1),
        case("blur", "randomGaussianBlur", 1.0, kernel_size=3, sigma=[0.3, 1.0]),
        case("blur, wide", "randomGaussianBlur", [1.0, 1.0], kernel_size=5, sigma=[0.8, 1.0], value_range=(0, 1), high=1, shape=(2, 7, 6, 2)),
        *(case(f"shear, {fill}", "randomShear", 0.3, 0.2, fill_mode=fill, fill_value=9.0, masks=True) for fill in ("reflect", "wrap", "constant", "nearest")),
        case("shear, nearest pixel", "randomShear", [0.3, 0.6], interpolation="nearest"),
        case("perspective", "randomPerspective", [1.0, 1.0], scale=0.6, shape=(4, 7, 6, 2), masks=True),
        case("perspective, some", "randomPerspective", 0.9, scale=1.0, fill_value=3.0, shape=(6, 5, 6, 1)),
        case("perspective, nearest pixel", "randomPerspective", [1.0, 1.0], scale=0.5, interpolation="nearest"),
        elastic("elastic", factor=[1.0, 1.0], scale=[1.0, 1.0], fill_mode="nearest"),
        elastic("elastic, not as far, constant", factor=[1.0, 1.0], scale=[0.9, 1.0], fill_mode="constant", fill_value=20.0),
        elastic("elastic, nearest pixel", factor=[1.0, 1.0], scale=[0.8, 0.9], fill_mode="nearest", interpolation="nearest"),
        elastic("elastic, some, in a range", factor=0.9, scale=1.0, fill_mode="nearest", value_range=(20, 200)),
        case("mixUp", "mixUp", 0.4, labels=4, shape=(5, 3, 4, 3)),
        case("cutMix", "cutMix", 0.9, labels=4, masks=True, shape=(5, 6, 5, 3)),
        case("erasing", "randomErasing", [0.7, 0.7], shape=(4, 6, 5, 3)),
        case("erasing by a number", "randomErasing", 1.0, scale=[0.3, 0.6], fill_value=7.0, shape=(4, 6, 5, 3)),
    ]
