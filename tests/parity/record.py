"""How stored values are written: tensors as {shape, dtype, data}, one case a line, names in camel case.

A float32 is written as the shortest decimal that reads back to the same float32; what JSON has no number for
is the string "NaN", "Infinity" or "-Infinity".
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name[0].lower() + name[1:])


def number(value) -> int | float | str:
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(str(value)) if isinstance(value, np.float32) else float(value)


def tensor(array) -> dict:
    """A NumPy array, or anything that becomes one."""
    array = np.asarray(array)
    return {"shape": list(array.shape), "dtype": str(array.dtype), "data": [number(value) for value in array.ravel()]}


def plain(value):
    """A Python value as JSON spells it: keys in camel case, arrays as tensors, tuples as lists."""
    if isinstance(value, np.ndarray):
        return tensor(value)
    if isinstance(value, dict):
        return {camel(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (float, np.floating, np.integer)):
        return number(value)
    return value


def unique(cases: list[dict]) -> list[dict]:
    names = [case["name"] for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"two cases have one name: {twice}"
    return cases


def write(path: str, source: str, cases: list[dict]) -> None:
    """One case a line, so that a change of one case is a change of one line."""
    lines = ",\n".join(json.dumps(case, allow_nan=False, separators=(",", ":")) for case in unique(cases))
    text = f'{{"source":{json.dumps(source)},"cases":[\n{lines}\n]}}\n'
    (HERE / path).parent.mkdir(exist_ok=True)
    (HERE / path).write_text(text)
    print(f"{path}: {len(cases)} cases, {len(text) / 1024:.0f} KiB")
