"""Cases of Keras losses, as `fit` uses them: losses.x(options)(target, prediction, sampleWeight), and the gradient with respect to the prediction."""

from __future__ import annotations

import re

import keras
import numpy as np
import tensorflow as tf

from keras_layer import random_of
from record import plain, tensor

WEIGHTS = np.float32([0.5, 2.0, 0.0, 1.0, 3.0])


def loss(name: str, function: str, target: np.ndarray, prediction: np.ndarray, weighted: bool = True, **options) -> list[dict]:
    """Each case four times: over the batch, with a weight for each sample, one value a sample, and the sum."""
    kind = "".join(part.capitalize() for part in function.split("_"))
    kind = {"KlDivergence": "KLDivergence", "Ctc": "CTC"}.get(kind, kind)
    found = []
    for suffix, reduction, weight in (("", "sum_over_batch_size", None), (", weighted", "sum_over_batch_size", WEIGHTS), (", each", None, None), (", summed", "sum", None)):
        if weight is not None and not weighted:
            continue
        given = tf.constant(prediction)
        computed = getattr(keras.losses, kind)(reduction=reduction, **options)
        sample_weight = None if weight is None else np.resize(weight, np.delete(prediction.shape, options.get("axis", -1)))
        random = random_of(name)
        with tf.GradientTape() as tape:
            tape.watch(given)
            output = computed(target, given, sample_weight=sample_weight)
            gradient = random.standard_normal(output.shape).astype(np.float32) if reduction is None else np.float32(1)
            total = tf.reduce_sum(output * gradient)
        found.append(
            {
                "name": name + suffix,
                "loss": {"kind": re.sub(r"_([a-z])", lambda match: match.group(1).upper(), function), "string": function, "options": plain({**options, "reduction": reduction})},
                "target": tensor(target),
                "prediction": tensor(prediction),
                **({} if sample_weight is None else {"sampleWeight": tensor(sample_weight)}),
                "output": tensor(output.numpy()),
                "outputGradient": tensor(gradient),
                "gradients": {"prediction": tensor(tape.gradient(total, given).numpy())},
            }
        )
    return found


def rest() -> list[dict]:
    """Losses with draws of their own, so that those above stay as they are."""
    random = random_of("rest")
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    sharp = lambda logits: (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype(np.float32)  # noqa: E731
    labels = np.int32([1, 3, 0, 2, 1])
    one_hot = np.eye(4, dtype=np.float32)[labels]
    logits, bits = normal(5, 4), np.float32(random.integers(0, 2, (5, 4)))
    chances = (1 / (1 + np.exp(-normal(5, 4)))).astype(np.float32)
    unit = normal(5, 3)
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    spoken = np.int32([[1, 2, 2], [3, 1, 0], [4, 0, 0]])
    grid = np.int32(random.integers(0, 3, (2, 4)))
    first = normal(2, 3, 4)
    return [
        *loss("categorical_focal_crossentropy", "categorical_focal_crossentropy", one_hot, sharp(logits)),
        *loss("categorical_focal_crossentropy from logits with everything", "categorical_focal_crossentropy", one_hot, logits, alpha=0.4, gamma=1.5, from_logits=True, label_smoothing=0.1),
        *loss("binary_focal_crossentropy", "binary_focal_crossentropy", bits, chances),
        *loss("binary_focal_crossentropy from logits with everything", "binary_focal_crossentropy", bits, logits, apply_class_balancing=True, alpha=0.4, gamma=1.5, from_logits=True, label_smoothing=0.1),
        *loss("categorical_generalized_cross_entropy", "categorical_generalized_cross_entropy", labels, sharp(logits)),
        *loss("categorical_generalized_cross_entropy with q", "categorical_generalized_cross_entropy", labels, sharp(logits), q=0.3),
        *loss("dice with axis", "dice", bits, chances, axis=-1),
        *loss("tversky with axis", "tversky", bits, chances, axis=-1, alpha=0.3, beta=0.8),
        *whole("dice", "dice", bits, chances),
        *whole("tversky", "tversky", bits, chances, alpha=0.3, beta=0.8),
        *whole("circle", "circle", np.int32([0, 1, 0, 2, 1]), unit, gamma=4.0, margin=0.3),
        *whole("ctc", "ctc", spoken, normal(3, 6, 5)),
        *loss("cosine_similarity with axis", "cosine_similarity", normal(5, 5), normal(5, 5), axis=0),
        *loss("sparse_categorical_crossentropy of shares with ignoreClass", "sparse_categorical_crossentropy", labels, sharp(logits), ignore_class=1),
        *loss("sparse_categorical_crossentropy with ignoreClass beyond the classes", "sparse_categorical_crossentropy", np.int32([1, -1, 0, -1, 2]), logits, from_logits=True, ignore_class=-1),
        *loss("categorical_focal_crossentropy with axis", "categorical_focal_crossentropy", np.eye(3, dtype=np.float32)[grid].transpose(0, 2, 1).copy(), first, from_logits=True, axis=1),
    ]


def whole(name: str, function: str, target: np.ndarray, prediction: np.ndarray, **options) -> list[dict]:
    """A loss that is one number for the whole batch, or whose samples weigh each other."""
    return loss(name, function, target, prediction, weighted=False, **options)


def cases() -> list[dict]:
    random = np.random.default_rng(7)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    sharp = lambda logits: (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype(np.float32)  # noqa: E731
    a, b = normal(5, 4), normal(5, 4)
    logits, labels = normal(5, 4) * 2, np.int32([1, 3, 0, 2, 1])
    one_hot = np.eye(4, dtype=np.float32)[labels]
    bits, bit_logits = np.float32([[0], [1], [1], [0], [1]]), normal(5, 1) * 2
    grid_labels, grid_logits = np.int32(random.integers(0, 3, (2, 4))), normal(2, 4, 3)
    off = (sharp(logits) * np.float32([[2], [0.5], [1], [1], [3]])).astype(np.float32)
    certain = np.float32([[1, 0, 0, 0], [0, 0, 0, 1], [0.5, 0.5, 0, 0], [0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    certain_bits = np.float32([[0], [1], [0], [1e-9], [0.5]])
    large = np.float32([[100, 0, -100, 5], [-200, -201, -202, -203], [88, 89, 90, 100], [0, 0, 0, 0], [1000, -1000, 0, 1]])
    far = np.float32([[0.0, 3.0, -3.0, 0.5], [1.0, -1.0, 0.25, 100.0], [0, 0, 0, 0], [1, 1, 1, 1], [-2, 2, -2, 2]])
    near = np.zeros((5, 4), np.float32)
    signs = np.float32([[1, -1, 1, -1]] * 5)
    return [
        *loss("mean_squared_error", "mean_squared_error", a, b),
        *loss("mean_squared_error on three axes", "mean_squared_error", normal(2, 3, 4), normal(2, 3, 4)),
        *loss("mean_absolute_error", "mean_absolute_error", a, b),
        *loss("mean_absolute_percentage_error", "mean_absolute_percentage_error", a, b),
        *loss("mean_squared_logarithmic_error", "mean_squared_logarithmic_error", abs(a), abs(b)),
        *loss("categorical_crossentropy", "categorical_crossentropy", one_hot, sharp(logits)),
        *loss("categorical_crossentropy of rows that do not add to one", "categorical_crossentropy", one_hot, off),
        *loss("categorical_crossentropy of certainties", "categorical_crossentropy", one_hot, certain),
        *loss("categorical_crossentropy from logits", "categorical_crossentropy", one_hot, logits, from_logits=True),
        *loss("categorical_crossentropy from very large logits", "categorical_crossentropy", one_hot, large, from_logits=True),
        *loss("categorical_crossentropy with labelSmoothing", "categorical_crossentropy", one_hot, sharp(logits), label_smoothing=0.1),
        *loss("categorical_crossentropy from logits with labelSmoothing", "categorical_crossentropy", one_hot, logits, from_logits=True, label_smoothing=0.2),
        *loss("categorical_crossentropy of soft targets", "categorical_crossentropy", sharp(a), logits, from_logits=True),
        *loss("sparse_categorical_crossentropy", "sparse_categorical_crossentropy", labels, sharp(logits)),
        *loss("sparse_categorical_crossentropy of certainties", "sparse_categorical_crossentropy", labels, certain),
        *loss("sparse_categorical_crossentropy from logits", "sparse_categorical_crossentropy", labels, logits, from_logits=True),
        *loss("sparse_categorical_crossentropy of a column of labels", "sparse_categorical_crossentropy", labels[:, None], logits, from_logits=True),
        *loss("sparse_categorical_crossentropy on three axes", "sparse_categorical_crossentropy", grid_labels, grid_logits, from_logits=True),
        *loss("sparse_categorical_crossentropy with ignoreClass", "sparse_categorical_crossentropy", labels, logits, from_logits=True, ignore_class=1),
        *loss("binary_crossentropy", "binary_crossentropy", bits, sharp(np.concatenate([bit_logits, -bit_logits], 1))[:, :1]),
        *loss("binary_crossentropy of certainties", "binary_crossentropy", bits, certain_bits),
        *loss("binary_crossentropy of several", "binary_crossentropy", one_hot, sharp(logits)),
        *loss("binary_crossentropy from logits", "binary_crossentropy", bits, bit_logits, from_logits=True),
        *loss("binary_crossentropy from very large logits", "binary_crossentropy", one_hot, large, from_logits=True),
        *loss("binary_crossentropy with labelSmoothing", "binary_crossentropy", one_hot, sharp(logits), label_smoothing=0.1),
        *loss("huber", "huber", near, far),
        *loss("huber with delta", "huber", a, b, delta=0.5),
        *loss("log_cosh", "log_cosh", near, far),
        *loss("kl_divergence", "kl_divergence", sharp(a), sharp(logits)),
        *loss("kl_divergence of certainties", "kl_divergence", one_hot, certain),
        *loss("poisson", "poisson", np.abs(a), np.abs(b)),
        *loss("hinge", "hinge", signs, far),
        *loss("hinge of zeros and ones", "hinge", one_hot, b),
        *loss("squared_hinge", "squared_hinge", signs, far),
        *loss("categorical_hinge", "categorical_hinge", one_hot, b),
        *loss("cosine_similarity", "cosine_similarity", a, b),
        *rest(),
    ]
