"""What numbers become in each dtype, and which dtype two dtypes meet in."""
import math
import torch

TYPES = ["float32", "float64", "float16", "bfloat16", "int32", "int64", "uint8", "int8", "bool"]


def text(x):
    x = float(x)
    return x if math.isfinite(x) else "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def cases() -> list[dict]:
    return [*conversions(), meetings()]


def conversions():
    generator = torch.Generator().manual_seed(5)
    spread = (torch.rand(200, generator=generator) - 0.5) * torch.pow(2.0, torch.randint(-26, 17, (200,), generator=generator).float())
    edges = torch.tensor([0.0, -0.0, 1.0, 2049, 2051, 65503, 65504, 65519.99, 65520, 1e30, -1e30, 2**-24, 2**-25, 1.5 * 2**-25, 2**-14, 6.1e-5, 257, 259, math.inf, -math.inf, math.nan])
    whole = torch.tensor([0.0, 1.9, -1.9, 100.5, 127.0, 3.0, 126.99])
    for name, x, types in [("numbers of all sizes", spread, TYPES[2:4]), ("edges", edges, TYPES[2:4] + ["float64"]), ("small numbers", whole, ["int8", "int64", "int32", "bool"])]:
        yield {"name": name, "from": [text(v) for v in x], "to": {t: [text(v) for v in x.to(getattr(torch, t)).double()] for t in types}}


def meetings() -> dict:
    return {"name": "pairs", "pairs": [[a, b, str(torch.promote_types(getattr(torch, a), getattr(torch, b))).replace("torch.", "")] for a in TYPES for b in TYPES]}
