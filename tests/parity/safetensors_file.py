"""Writes reference.safetensors, which tests/safetensors.test.ts reads. Needs numpy and safetensors."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

save_file(
    {
        "linear.weight": np.array([[1.5, -2, 0.1], [0, np.inf, 3]], np.float32),
        "double": np.array([np.pi, -1e300]),
        "count": np.array([[7, -7]], np.int32),
        "bytes": np.arange(250, 255, dtype=np.uint8),
        "mask": np.array([True, False, True]),
        "empty": np.zeros((0, 3), np.float32),
        "scalar": np.array(2.5, np.float32),
    },
    Path(__file__).parent / "reference.safetensors",
    metadata={"note": "grüß"},
)
save_file(
    {
        "half": np.array([1.5, -2, 65504, 6e-8, np.nan], np.float16),
        "batches": np.array(1234, np.int64),
        "short": np.array([-300, 300], np.int16),
        "narrow": np.array([-128, 127], np.int8),
    },
    Path(__file__).parent / "widened.safetensors",
)
