"""Cases of Keras metrics: each is fed two batches; `results` has its value after each of them."""

from __future__ import annotations

import keras
import numpy as np

from keras_layer import random_of
from record import camel, plain, tensor


def metric(name: str, function: str, batches: list[tuple], weights: list | None = None, **options) -> dict:
    kind = "".join(part.capitalize() for part in function.split("_"))
    kind = {"TopKCategoricalAccuracy": "TopKCategoricalAccuracy", "Auc": "AUC"}.get(kind, kind)
    computed = getattr(keras.metrics, kind)(**options)
    recorded, results = [], []
    for index, (target, prediction) in enumerate(batches):
        weight = None if weights is None else np.float32(weights[index])
        computed.update_state(target, prediction, sample_weight=weight)
        results.append(float(computed.result()))
        recorded.append({"target": tensor(target), "prediction": tensor(prediction), **({} if weight is None else {"sampleWeight": tensor(weight)})})
    return {"name": name, "metric": {"kind": camel(function), "string": function, "options": plain(options)}, "batches": recorded, "results": results}


def meaning(name: str, loss: str, target: np.ndarray, prediction: np.ndarray) -> dict:
    """Which metric the word "accuracy" becomes, by the shapes of target and prediction."""
    model = keras.Sequential([keras.Input(prediction.shape[1:]), keras.layers.Identity()])
    model.compile(loss=loss, metrics=["accuracy"])
    values = model.evaluate(prediction, target, verbose=0, batch_size=len(target), return_dict=True)
    found = model._compile_metrics.metrics[0]
    kind = type(found).__name__ if type(found) is not keras.metrics.MeanMetricWrapper else found._fn.__name__
    return {"name": name, "word": "accuracy", "loss": loss, "target": tensor(target), "prediction": tensor(prediction), "means": kind, "result": float(values["accuracy"])}


def cases() -> list[dict]:
    random = random_of("metrics")
    rows = lambda count=6, classes=5: keras.ops.softmax(random.standard_normal((count, classes)).astype(np.float32) * 2).numpy()  # noqa: E731
    labels = lambda count=6, classes=5: np.int32(random.integers(0, classes, count))  # noqa: E731
    one_hot = lambda values, classes=5: np.eye(classes, dtype=np.float32)[values]  # noqa: E731
    bits = lambda count=6: np.float32(random.integers(0, 2, (count, 1)))  # noqa: E731
    chances = lambda count=6: random.random((count, 1)).astype(np.float32)  # noqa: E731
    sparse = [(labels(), rows()), (labels(4), rows(4))]
    dense = [(one_hot(labels()), rows()), (one_hot(labels(4)), rows(4))]
    binary = [(bits(), chances()), (bits(4), chances(4))]
    several = [(np.float32(random.integers(0, 2, (3, 4))), random.random((3, 4)).astype(np.float32)) for _ in range(2)]
    numbers = [(random.standard_normal((3, 4)).astype(np.float32), random.standard_normal((3, 4)).astype(np.float32)) for _ in range(2)]
    weights = [[1, 0, 2, 0.5, 1, 3], [0.5, 1, 1, 2]]
    ties = [(np.int32([0, 1, 2]), np.float32([[0.4, 0.4, 0.2], [0.3, 0.3, 0.4], [0.2, 0.4, 0.4]]))]
    return [
        metric("accuracy", "accuracy", [(np.float32([[1], [2], [3], [4]]), np.float32([[0], [2], [3], [4]])), (np.float32([[1]]), np.float32([[1]]))]),
        metric("sparse_categorical_accuracy", "sparse_categorical_accuracy", sparse),
        metric("sparse_categorical_accuracy of ties", "sparse_categorical_accuracy", ties),
        metric("sparse_categorical_accuracy of a column", "sparse_categorical_accuracy", [(t[:, None], p) for t, p in sparse]),
        metric("sparse_categorical_accuracy, weighted", "sparse_categorical_accuracy", sparse, weights),
        metric("categorical_accuracy", "categorical_accuracy", dense),
        metric("categorical_accuracy, weighted", "categorical_accuracy", dense, weights),
        metric("binary_accuracy", "binary_accuracy", binary),
        metric("binary_accuracy of several", "binary_accuracy", several),
        metric("binary_accuracy at its threshold", "binary_accuracy", [(np.float32([[1], [0], [1]]), np.float32([[0.5], [0.5], [0.500001]]))]),
        metric("binary_accuracy with threshold", "binary_accuracy", binary, threshold=0.3),
        metric("binary_accuracy, weighted", "binary_accuracy", binary, weights),
        *(metric(f"top_k_categorical_accuracy, k {k}", "top_k_categorical_accuracy", dense, k=k) for k in (1, 2, 3, 5)),
        *(metric(f"sparse_top_k_categorical_accuracy, k {k}", "sparse_top_k_categorical_accuracy", sparse, k=k) for k in (1, 2, 3, 5)),
        metric("sparse_top_k_categorical_accuracy of ties, k 2", "sparse_top_k_categorical_accuracy", ties, k=2),
        metric("precision", "precision", binary),
        metric("precision with thresholds", "precision", binary, thresholds=0.7),
        metric("recall", "recall", binary),
        metric("auc", "auc", binary),
        metric("mean_squared_error", "mean_squared_error", numbers),
        metric("mean_absolute_error", "mean_absolute_error", numbers),
        metric("root_mean_squared_error", "root_mean_squared_error", numbers),
        metric("cosine_similarity", "cosine_similarity", numbers),
        metric("sparse_categorical_crossentropy", "sparse_categorical_crossentropy", sparse),
        metric("categorical_crossentropy", "categorical_crossentropy", dense),
        metric("binary_crossentropy", "binary_crossentropy", binary),
        meaning("accuracy of labels", "sparse_categorical_crossentropy", *sparse[0]),
        meaning("accuracy of a column of labels", "sparse_categorical_crossentropy", sparse[0][0][:, None], sparse[0][1]),
        meaning("accuracy of one-hot rows", "categorical_crossentropy", *dense[0]),
        meaning("accuracy of one-hot rows under mean_squared_error", "mean_squared_error", *dense[0]),
        meaning("accuracy of bits", "binary_crossentropy", *binary[0]),
        meaning("accuracy of several bits", "binary_crossentropy", *several[0]),
    ]
