"""Writes the files that tests/safetensors.test.ts reads. Needs torch and safetensors."""

import math
from pathlib import Path

import torch
from safetensors.torch import save_file

here = Path(__file__).parent
save_file(
    {
        "linear.weight": torch.tensor([[1.5, -2, 0.1], [0, math.inf, 3]]),
        "double": torch.tensor([math.pi, -1e300], dtype=torch.float64),
        "half": torch.tensor([1.5, -2, 65504, 6e-8, math.nan], dtype=torch.float16),
        "brain": torch.tensor([1.5, -math.inf, 0.1], dtype=torch.bfloat16),
        "count": torch.tensor([[7, -7]], dtype=torch.int32),
        "batches": torch.tensor(2**40 + 1),
        "narrow": torch.tensor([-128, 127], dtype=torch.int8),
        "bytes": torch.arange(250, 255, dtype=torch.uint8),
        "mask": torch.tensor([True, False, True]),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(2.5),
    },
    here / "reference.safetensors",
    metadata={"note": "grüß"},
)
save_file({"short": torch.tensor([-300, 300], dtype=torch.int16)}, here / "widened.safetensors")
