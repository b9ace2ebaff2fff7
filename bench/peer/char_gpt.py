"""examples/char-gpt.ts in PyTorch: the same model, the same stretches of text, the same optimizer.

    CAMBIUM_DATA=... python bench/peer/char_gpt.py [steps]
"""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

import torch
from torch import nn

from programs import GPT

text = (Path(os.environ["CAMBIUM_DATA"]) / "tiny-shakespeare" / "input.txt").read_text()
letters = sorted(set(text))
codes = torch.tensor([letters.index(letter) for letter in text])
CONTEXT, BATCH = 128, 16
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 400
border = len(codes) * 9 // 10
state = 1


def stretches(first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
    global state
    places = []
    for _ in range(BATCH):
        state = (state * 1664525 + 1013904223) % 2**32
        places.append(first + state % (last - first - CONTEXT - 1))
    return torch.stack([codes[at : at + CONTEXT] for at in places]), torch.stack([codes[at + 1 : at + 1 + CONTEXT] for at in places])


torch.set_num_threads(2)
torch.manual_seed(int(os.environ.get("SEED", "0")))
LAYERS = 4
model = GPT(len(letters), CONTEXT, LAYERS, 4, 128)
for module in model.modules():
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, 0, 0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
for block in model.blocks:
    for part in (block.join, block.narrow):
        nn.init.normal_(part.weight, 0, 0.02 / math.sqrt(2 * LAYERS))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
began, total = time.perf_counter(), 0.0
for i in range(1, steps + 1):
    x, y = stretches(0, border)
    loss = criterion(model(x), y.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    total += loss.item()
    if i % 50 == 0 or i == steps:
        print(f"step {i}: loss {total / (i % 50 or 50):.4f}, {1000 * (time.perf_counter() - began) / i:.0f} ms a step", flush=True)
        total = 0.0
state = 7
with torch.no_grad():
    held = [criterion(model(x), y.flatten()).item() for x, y in (stretches(border, len(codes)) for _ in range(20))]
print(f"loss on text not seen: {sum(held) / len(held):.4f}")
