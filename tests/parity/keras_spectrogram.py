"""Spectra of signals. A case is as in keras/layers; the kernels begin as Keras begins them."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_layer import normal, random_of
from record import plain, tensor

CLASSES = {"stftSpectrogram": keras.layers.STFTSpectrogram, "melSpectrogram": keras.layers.MelSpectrogram}


def case(name: str, kind: str, shape: tuple[int, ...], **options) -> dict:
    layer = CLASSES[kind](**options)
    x = tf.constant(normal(random_of(name), shape))
    layer.build(x.shape)
    weights = list(layer.trainable_weights)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        flow = normal(random_of(f"{name} flow"), tuple(y.shape))
        total = tf.reduce_sum(y * flow)
    found = tape.gradient(total, [x, *(weight.value for weight in weights)])
    return {
        "name": name,
        "layer": {"kind": kind, "options": plain(options)},
        "weights": [{"name": weight.name, **tensor(weight.numpy())} for weight in weights],
        "input": tensor(x.numpy()),
        "output": tensor(y.numpy()),
        "outputGradient": tensor(flow),
        "gradients": [tensor(np.asarray(g)) for g in found],
    }


def cases() -> list[dict]:
    short = {"frame_length": 10, "frame_step": 4, "fft_length": 16}
    small = {"fft_length": 16, "sequence_stride": 6, "num_mel_bins": 5, "sampling_rate": 4000}
    return [
        *(case(f"spectrogram, {mode}", "stftSpectrogram", (2, 30, 2), mode=mode, **short) for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")),
        case("spectrogram with defaults of frames", "stftSpectrogram", (1, 40, 1), frame_length=12, mode="magnitude"),
        case("spectrogram, same padding, spectrum, hamming, an axis more", "stftSpectrogram", (2, 21, 2), mode="psd", padding="same", scaling="spectrum", window="hamming", expand_dims=True, **short),
        case("spectrogram, periodic blackman without scaling", "stftSpectrogram", (1, 21, 1), mode="real", scaling=None, window="blackman", periodic=True, **short),
        case("spectrogram without window", "stftSpectrogram", (1, 21, 1), mode="imag", window=None, **short),
        case("mel spectrogram", "melSpectrogram", (2, 64), **small),
        case("mel spectrogram, powers", "melSpectrogram", (2, 64), power_to_db=False, mag_exp=1.5, window="hamming", sequence_length=12, **small),
        case("mel spectrogram, close to the loudest", "melSpectrogram", (1, 64), top_db=6.0, ref_power=2.0, min_freq=100.0, max_freq=1500.0, **small),
    ]
