"""Cases of activations, each on ordinary numbers, the borders of its pieces, and very large numbers."""

from __future__ import annotations

import numpy as np

from torch_module import case, spec

HARD = np.float32(
    [
        [0.0, -0.0, 1e-30, -1e-30, 1e-4, -1e-4, 0.5, -0.5],
        [1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 6.0, -6.0],
        [0.3, -0.7, 1.7, -2.4, 4.5, -3.9, 8.0, -7.5],
        [19.9, -19.9, 20.1, -20.1, 50.0, -50.0, 88.0, -88.0],
        [90.0, -90.0, 104.0, -104.0, 1000.0, -1000.0, 1e10, -1e10],
    ]
)

ELEMENTWISE = [
    ("ReLU", {}),
    ("ReLU6", {}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.3}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.5}),
    ("SELU", {}),
    ("CELU", {}),
    ("CELU", {"alpha": 2.0}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("Sigmoid", {}),
    ("LogSigmoid", {}),
    ("Tanh", {}),
    ("Tanhshrink", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0}),
    ("Softplus", {"beta": 0.5, "threshold": 5.0}),
    ("Softsign", {}),
    ("Softshrink", {}),
    ("Hardshrink", {}),
    ("SiLU", {}),
    ("Mish", {}),
    ("Hardtanh", {}),
    ("Hardtanh", {"min_val": -2.0, "max_val": 3.0}),
    ("Hardsigmoid", {}),
    ("Hardswish", {}),
]


def label(kind: str, options: dict) -> str:
    return kind + "".join(f", {key} {value}" for key, value in options.items())


def cases() -> list[dict]:
    near = (3, 5)
    rows = np.float32([[1e4, 0, -1e4, 3], [1000, 1000, 999, -1000], [0, 0, 0, 0], [-100, -101, -102, -500]])
    return [
        *(case(label(kind, options), spec(kind, **options), HARD) for kind, options in ELEMENTWISE),
        case("Threshold", spec("Threshold", 0.5, 20.0), HARD[:4]),
        case("PReLU", spec("PReLU"), HARD[:4]),
        case("PReLU with a slope for each channel", spec("PReLU", 3, init=0.1), (2, 3, 4)),
        case("GLU", spec("GLU"), (3, 6)),
        case("Softmax of the last axis", spec("Softmax", dim=-1), near),
        case("Softmax of the first axis", spec("Softmax", dim=0), near),
        case("Softmax of a middle axis", spec("Softmax", dim=1), (2, 3, 4)),
        case("Softmax of very large numbers", spec("Softmax", dim=1), rows),
        case("Softmin", spec("Softmin", dim=1), near),
        case("LogSoftmax of the last axis", spec("LogSoftmax", dim=-1), near),
        case("LogSoftmax of a middle axis", spec("LogSoftmax", dim=1), (2, 3, 4)),
        case("LogSoftmax of very large numbers", spec("LogSoftmax", dim=1), rows),
    ]
