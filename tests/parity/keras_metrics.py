"""Cases of Keras metrics: each is fed two batches; `results` has its value after each of them."""

from __future__ import annotations

import keras
import numpy as np

from keras_layer import random_of
from record import camel, number, plain, tensor


def metric(name: str, function: str, batches: list[tuple], weights: list | None = None, **options) -> dict:
    kind = "".join(part.capitalize() for part in function.split("_"))
    kind = {"Auc": "AUC", "F1Score": "F1Score", "FBetaScore": "FBetaScore", "Iou": "IoU", "MeanIou": "MeanIoU", "BinaryIou": "BinaryIoU", "OneHotIou": "OneHotIoU", "OneHotMeanIou": "OneHotMeanIoU", "KlDivergence": "KLDivergence", "LogCosh": "LogCoshError"}.get(kind, kind)
    computed = getattr(keras.metrics, kind)(**options)
    recorded, results = [], []
    for index, (target, prediction) in enumerate(batches):
        weight = None if weights is None else np.float32(weights[index])
        computed.update_state(target, prediction, sample_weight=weight)
        value = np.asarray(computed.result())
        results.append([number(v) for v in value.ravel()] if value.ndim else number(float(value)))
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


def rest() -> list[dict]:
    random = random_of("rest of the metrics")
    chance = lambda *shape: random.random(shape).astype(np.float32)  # noqa: E731
    bit = lambda *shape: random.integers(0, 2, shape).astype(np.float32)  # noqa: E731
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    flat = [(bit(8), chance(8)), (bit(5), chance(5))]
    wide = [(bit(6, 3), chance(6, 3)), (bit(4, 3), chance(4, 3))]
    one_hot = [(np.eye(4, dtype=np.float32)[random.integers(0, 4, n)], chance(n, 4)) for n in (7, 5)]
    classes = [(np.int32(random.integers(0, 3, n)), np.int32(random.integers(0, 3, n))) for n in (9, 6)]
    numbers = [(normal(6, 3), normal(6, 3)), (normal(4, 3), normal(4, 3))]
    counts = [(np.abs(t), np.abs(p)) for t, p in numbers]
    sharp = [(t / t.sum(-1, keepdims=True), p / p.sum(-1, keepdims=True)) for t, p in counts]
    weights8, weights6 = [chance(8) * 2, chance(5) * 2], [chance(6) * 2, chance(4) * 2]
    weights7 = [chance(7) * 2, chance(5) * 2]
    found = []
    for name in ("true_positives", "false_positives", "false_negatives", "true_negatives"):
        found += [metric(name, name, flat), metric(f"{name}, weighted", name, flat, weights8), metric(f"{name} at several thresholds", name, flat, thresholds=[0.2, 0.5, 0.8])]
    for name in ("precision", "recall"):
        found += [
            metric(f"{name}, weighted", name, flat, weights8),
            metric(f"{name} at several thresholds", name, flat, thresholds=[0.2, 0.5, 0.8]),
            metric(f"{name} with topK", name, wide, top_k=2),
            metric(f"{name} with topK and thresholds", name, wide, top_k=2, thresholds=0.6),
            metric(f"{name} with classId", name, wide, class_id=1),
            metric(f"{name} with classId, weighted", name, wide, weights6, class_id=2),
            metric(f"{name} with classId and topK", name, wide, class_id=0, top_k=1),
        ]
    for curve in ("ROC", "PR"):
        for method in ("interpolation", "minoring", "majoring"):
            found.append(metric(f"auc of {curve} by {method}", "auc", flat, curve=curve, summation_method=method))
        found.append(metric(f"auc of {curve}, weighted", "auc", flat, weights8, curve=curve))
        found.append(metric(f"auc of {curve} with few thresholds", "auc", flat, curve=curve, num_thresholds=5))
        found.append(metric(f"auc of {curve} with several labels", "auc", wide, curve=curve, multi_label=True))
    return [
        *found,
        metric("auc with thresholds", "auc", flat, thresholds=[0.3, 0.1, 0.7]),
        metric("auc with several labels and labelWeights", "auc", wide, multi_label=True, label_weights=[0.5, 2.0, 1.0]),
        metric("auc with several labels, weighted", "auc", wide, weights6, multi_label=True),
        metric("auc from logits", "auc", [(t, p * 6 - 3) for t, p in flat], from_logits=True),
        metric("sensitivity_at_specificity", "sensitivity_at_specificity", flat, specificity=0.5),
        metric("sensitivity_at_specificity, weighted", "sensitivity_at_specificity", flat, weights8, specificity=0.7, num_thresholds=20),
        metric("specificity_at_sensitivity", "specificity_at_sensitivity", flat, sensitivity=0.5),
        metric("precision_at_recall", "precision_at_recall", flat, recall=0.6),
        metric("recall_at_precision", "recall_at_precision", flat, precision=0.4),
        metric("recall_at_precision that is never reached", "recall_at_precision", [(np.float32([0, 0, 1]), np.float32([0.9, 0.8, 0.1]))], precision=0.9),
        metric("precision_at_recall with classId", "precision_at_recall", wide, recall=0.5, class_id=1),
        *(metric(f"f1_score, {average}", "f1_score", one_hot, average=average) for average in (None, "micro", "macro", "weighted")),
        *(metric(f"f1_score with threshold, {average}", "f1_score", wide, average=average, threshold=0.4) for average in (None, "micro", "macro", "weighted")),
        metric("f1_score, weighted by sample", "f1_score", one_hot, weights7, average="macro"),
        metric("f_beta_score", "f_beta_score", one_hot, average="macro", beta=2.0),
        metric("f_beta_score with threshold", "f_beta_score", wide, beta=0.5, threshold=0.5),
        metric("mean_iou", "mean_iou", classes, num_classes=3),
        metric("mean_iou with ignoreClass", "mean_iou", classes, num_classes=3, ignore_class=1),
        metric("mean_iou of a class that is not there", "mean_iou", classes, num_classes=4),
        metric("iou", "iou", classes, num_classes=3, target_class_ids=[0, 2]),
        metric("one_hot_iou", "one_hot_iou", one_hot, num_classes=4, target_class_ids=[1, 3]),
        metric("one_hot_mean_iou", "one_hot_mean_iou", one_hot, num_classes=4),
        metric("binary_iou", "binary_iou", flat),
        metric("r2_score", "r2_score", numbers),
        metric("r2_score, weighted", "r2_score", numbers, weights6),
        metric("r2_score by variance", "r2_score", numbers, class_aggregation="variance_weighted_average"),
        metric("r2_score of each column", "r2_score", numbers, class_aggregation=None),
        metric("r2_score with numRegressors", "r2_score", numbers, num_regressors=2),
        metric("pearson_correlation", "pearson_correlation", numbers),
        metric("concordance_correlation", "concordance_correlation", numbers),
        *(metric(name, name, numbers) for name in ("mean_absolute_percentage_error", "hinge", "squared_hinge", "log_cosh")),
        *(metric(name, name, counts) for name in ("mean_squared_logarithmic_error", "poisson")),
        metric("kl_divergence", "kl_divergence", sharp),
        metric("categorical_hinge", "categorical_hinge", one_hot),
        metric("categorical_hinge, weighted", "categorical_hinge", one_hot, weights7),
    ]


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
        *rest(),
        meaning("accuracy of labels", "sparse_categorical_crossentropy", *sparse[0]),
        meaning("accuracy of a column of labels", "sparse_categorical_crossentropy", sparse[0][0][:, None], sparse[0][1]),
        meaning("accuracy of one-hot rows", "categorical_crossentropy", *dense[0]),
        meaning("accuracy of one-hot rows under mean_squared_error", "mean_squared_error", *dense[0]),
        meaning("accuracy of bits", "binary_crossentropy", *binary[0]),
        meaning("accuracy of several bits", "binary_crossentropy", *several[0]),
    ]
