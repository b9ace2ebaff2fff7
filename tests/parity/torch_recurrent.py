"""Recurrent modules: outputs, last states, gradients, also for sequences of different lengths."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from record import plain, tensor
from torch_module import seed_of, spec


def flat(states) -> list[torch.Tensor]:
    return list(states) if isinstance(states, (tuple, list)) else [states]


def case(name: str, module: dict, shape: tuple[int, ...], state: list[tuple[int, ...]] | None = None, lengths: list[int] | None = None) -> dict:
    torch.manual_seed(seed_of(name))
    built = getattr(nn, module["kind"])(*module["args"], **module["options"])
    x = torch.randn(shape, requires_grad=True)
    given = None if state is None else [torch.randn(s, requires_grad=True) for s in state]
    start = given if given is None or len(given) == 2 else given[0]
    start = tuple(start) if isinstance(start, list) else start
    first = bool(module["options"].get("batch_first"))
    if lengths is None:
        made = built(x, start)
        cell = module["kind"].endswith("Cell")
        outputs = flat(made) if cell else [made[0], *flat(made[1])]
    else:
        packed, states = built(pack_padded_sequence(x, torch.tensor(lengths), batch_first=first, enforce_sorted=False), start)
        padded, _ = pad_packed_sequence(packed, batch_first=first)
        outputs = [padded, *flat(states)]
    flows = [torch.randn_like(y) for y in outputs]
    sum((y * dy).sum() for y, dy in zip(outputs, flows)).backward()
    numbers = lambda y: tensor(y.detach().numpy())
    gradients = {"input": numbers(x.grad), **{path: numbers(p.grad) for path, p in built.named_parameters()}}
    for i, part in enumerate(given or []):
        gradients[f"state{i}"] = numbers(part.grad)
    return {
        "name": name,
        "module": {"kind": module["kind"], "args": plain(module["args"]), "options": plain(module["options"])},
        "weights": {path: numbers(p) for path, p in built.named_parameters()},
        "input": numbers(x),
        "lengths": lengths,
        "start": None if given is None else [numbers(part) for part in given],
        "outputs": [numbers(y) for y in outputs],
        "outputGradients": [numbers(dy) for dy in flows],
        "gradients": gradients,
    }


def cases() -> list[dict]:
    list_ = []
    for kind in ("RNN", "LSTM", "GRU"):
        parts = 2 if kind == "LSTM" else 1
        list_ += [
            case(f"{kind} alone", spec(kind, 3, 4), (5, 2, 3)),
            case(f"{kind} from a state, without batch", spec(kind, 3, 4), (5, 3), [(1, 4)] * parts),
            case(f"{kind} of two layers, both ways, batch first", spec(kind, 3, 4, num_layers=2, bidirectional=True, batch_first=True), (2, 5, 3), [(4, 2, 4)] * parts),
            case(f"{kind} without bias", spec(kind, 3, 4, bias=False), (4, 2, 3)),
            case(f"{kind} on sequences of different lengths", spec(kind, 3, 4, num_layers=2, bidirectional=True), (6, 3, 3), [(4, 3, 4)] * parts, [4, 6, 1]),
            case(f"{kind} on batches of different lengths", spec(kind, 2, 3, batch_first=True), (3, 5, 2), None, [2, 5, 3]),
            case(f"{kind}Cell", spec(f"{kind}Cell", 3, 4), (2, 3), [(2, 4)] * parts),
            case(f"{kind}Cell from zeros, without bias", spec(f"{kind}Cell", 3, 4, bias=False), (2, 3)),
        ]
    list_ += [
        case("RNN with relu", spec("RNN", 3, 4, nonlinearity="relu", num_layers=2), (5, 2, 3)),
        case("RNNCell with relu", spec("RNNCell", 3, 4, nonlinearity="relu"), (2, 3), [(2, 4)]),
        case("LSTM with a projection", spec("LSTM", 3, 5, proj_size=2, num_layers=2, bidirectional=True), (4, 2, 3), [(4, 2, 2), (4, 2, 5)]),
    ]
    return list_
