"""Writes tests/parity/other/metrics.json: what sacreBLEU, scikit-learn and Fairlearn compute.

    python -m venv .venv && .venv/bin/pip install sacrebleu scikit-learn fairlearn
    .venv/bin/python tests/parity/other_metrics.py
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import sacrebleu
from fairlearn import metrics as fair
from sklearn import metrics as learn

from record import number, tensor, write

TEXTS = {
    "one reference": (["the cat sat on the mat", "a dog ran through the park"], [["the cat is on the mat"], ["the dog ran quickly through the park"]]),
    "several references": (["the cat sat on the mat today", "it is raining hard"], [["the cat sat on a mat", "a cat was on the mat today"], ["it is raining cats and dogs", "it rains hard"]]),
    "the same text": (["one two three four five"], [["one two three four five"]]),
    "short candidates": (["the cat sat on"], [["the cat sat on the mat and slept"]]),
    "nothing in common": (["alpha beta gamma delta"], [["one two three four"]]),
}


def bleu() -> list[dict]:
    found = []
    for name, (candidates, references) in TEXTS.items():
        for smoothing in ("none", "addOne"):
            most = max(map(len, references))
            streams = [[row[i] if i < len(row) else None for row in references] for i in range(most)]
            metric = sacrebleu.BLEU(tokenize="none", smooth_method="add-k" if smoothing == "addOne" else "none", smooth_value=1 if smoothing == "addOne" else None)
            result = metric.corpus_score(candidates, streams)
            found.append({"name": f"bleu of {name}, smoothing {smoothing}", "bleu": {"candidates": candidates, "references": references, "smoothing": smoothing}, "score": result.score / 100, "brevityPenalty": result.bp})
    return found


def agreement(random: np.random.Generator) -> list[dict]:
    truth, found = random.integers(0, 3, 20), random.integers(0, 3, 20)
    found[:8] = truth[:8]
    return [
        {"name": "cohenKappa", "metric": "cohenKappa", "target": tensor(np.int32(truth)), "prediction": tensor(np.int32(found)), "result": number(learn.cohen_kappa_score(truth, found))},
        {"name": "matthewsCorrelation", "metric": "matthewsCorrelation", "target": tensor(np.int32(truth)), "prediction": tensor(np.int32(found)), "result": number(learn.matthews_corrcoef(truth, found))},
        {"name": "confusionMatrix", "metric": "confusionMatrix", "target": tensor(np.int32(truth)), "prediction": tensor(np.int32(found)), "result": learn.confusion_matrix(truth, found).ravel().tolist()},
    ]


def fairness(random: np.random.Generator) -> list[dict]:
    found = []
    for name, weighted in (("fairness", False), ("fairness, weighted", True)):
        truth, guess = random.integers(0, 2, 40), random.integers(0, 2, 40)
        groups = [("a", "b", "c")[i] for i in random.integers(0, 3, 40)]
        weight = random.random(40) if weighted else None
        given = {"sample_weight": weight} if weighted else {}
        parts = {"sample_params": {key: {"sample_weight": weight} for key in ("accuracy", "selectionRate", "truePositiveRate", "falsePositiveRate")}} if weighted else {}
        frame = fair.MetricFrame(
            metrics={"accuracy": learn.accuracy_score, "selectionRate": fair.selection_rate, "truePositiveRate": fair.true_positive_rate, "falsePositiveRate": fair.false_positive_rate},
            y_true=truth, y_pred=guess, sensitive_features=groups, **parts,
        )
        options = {"sensitive_features": groups, **given}
        found.append(
            {
                "name": name,
                "fairness": {"target": truth.tolist(), "prediction": guess.tolist(), "groups": groups, **({"sampleWeight": weight.tolist()} if weighted else {})},
                "groups": {group: {key: number(float(value)) for key, value in row.items()} for group, row in frame.by_group.T.to_dict().items()},
                "overall": {key: number(float(value)) for key, value in frame.overall.items()},
                "demographicParityDifference": fair.demographic_parity_difference(truth, guess, **options),
                "demographicParityRatio": fair.demographic_parity_ratio(truth, guess, **options),
                "equalizedOddsDifference": fair.equalized_odds_difference(truth, guess, **options),
                "equalizedOddsRatio": fair.equalized_odds_ratio(truth, guess, **options),
            }
        )
    return found


if __name__ == "__main__":
    random = np.random.default_rng(11)
    source = ", ".join(f"{name} {version(package)}" for name, package in (("sacreBLEU", "sacrebleu"), ("scikit-learn", "scikit-learn"), ("Fairlearn", "fairlearn")))
    write("other/metrics.json", source, [*bleu(), *agreement(random), *fairness(random)])
