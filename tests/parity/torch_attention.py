"""Cases of attention: torch's function, MultiheadAttention, and the layers of Transformer; forward and all gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from record import plain, tensor
from torch_module import seed_of


def prepared(name: str, module: nn.Module | None, inputs: tuple) -> list[torch.Tensor]:
    """Draws inputs, and other start values where they could hide a mistake (ones, zeros)."""
    for path, value in module.named_parameters() if module else []:
        with torch.no_grad():
            if torch.all(value == value.flatten()[0]):
                value.copy_(torch.rand_like(value) + 0.5 if path.endswith("weight") else torch.randn_like(value) * 0.3)
    given = [torch.randn(shape) for shape in inputs]
    return [value.requires_grad_() for value in given]


def recorded(name: str, kind: dict, module: nn.Module | None, given: list[torch.Tensor], call, options: dict) -> dict:
    state = {path: tensor(value.detach().numpy().copy()) for path, value in module.state_dict().items()} if module else {}
    outputs = [out for out in call() if out is not None]
    gradients = [torch.randn_like(out) for out in outputs]
    torch.autograd.backward(outputs, gradients)
    found = {f"input{index}": tensor(value.grad.numpy()) for index, value in enumerate(given)}
    found |= {path: tensor(value.grad.numpy()) for path, value in (module.named_parameters() if module else [])}
    return {
        "name": name,
        **kind,
        "state": state,
        "inputs": [tensor(value.detach().numpy()) for value in given],
        "call": plain({key: value.numpy() if isinstance(value, torch.Tensor) else value for key, value in options.items()}),
        "outputs": [tensor(out.detach().numpy()) for out in outputs],
        "outputGradients": [tensor(value.numpy()) for value in gradients],
        "gradients": found,
    }


def function(name: str, *inputs, **options) -> dict:
    torch.manual_seed(seed_of(name))
    given = prepared(name, None, inputs)
    named = {("mask" if key == "attn_mask" else key): value for key, value in options.items()}
    return recorded(name, {"kind": "function"}, None, given, lambda: [F.scaled_dot_product_attention(*given, **options)], named)


def module(name: str, kind: str, args: list, made: dict, *inputs, **options) -> dict:
    torch.manual_seed(seed_of(name))
    if kind in ("TransformerEncoder", "TransformerDecoder"):
        layer = getattr(nn, f"{kind}Layer")(*args[:2], **made)
        more = {"enable_nested_tensor": False} if kind == "TransformerEncoder" else {}
        built = getattr(nn, kind)(layer, args[2], norm=nn.LayerNorm(args[0]), **more)
        # Copies start equal, which would hide a mistake in their order.
        for value in built.parameters():
            with torch.no_grad():
                value.add_(torch.randn_like(value) * 0.1)
    else:
        built = getattr(nn, kind)(*args, **made)
    given = prepared(name, built, inputs)

    def call():
        out = built(*given, **options)
        return out if isinstance(out, tuple) else [out]

    spec = {"kind": kind, "args": args, "options": plain(made)}
    names = {"src_mask": "mask", "src_key_padding_mask": "key_padding_mask"} if kind.startswith("TransformerEncoder") else {}
    return recorded(name, spec, built, given, call, {names.get(key, key): value for key, value in options.items()})


def yes(*rows) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.bool)


def functions() -> list[dict]:
    q, k, v = (2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 3)
    blind = torch.ones(4, 5, dtype=torch.bool)
    blind[2] = False
    blind[0, 3] = False
    return [
        function("attention", q, k, v),
        function("attention without heads", (4, 6), (5, 6), (5, 2)),
        function("attention, causal", (2, 2, 5, 4), (2, 2, 5, 4), (2, 2, 5, 4), is_causal=True),
        function("attention, causal with more keys", (3, 4), (5, 4), (5, 2), is_causal=True),
        function("attention, causal with more queries", (5, 4), (3, 4), (3, 2), is_causal=True),
        function("attention with its own scale", q, k, v, scale=0.3),
        function("attention under a bool mask with a blind query", q, k, v, attn_mask=blind),
        function("attention under a mask of numbers", q, k, v, attn_mask=torch.linspace(-2, 2, 20).reshape(4, 5)),
        function("attention under a mask for each sample", q, k, v, attn_mask=torch.arange(40).reshape(2, 1, 4, 5) % 3 > 0),
        function("attention in groups", (2, 6, 4, 5), (2, 2, 3, 5), (2, 2, 3, 4), enable_gqa=True),
        function("attention in groups, causal", (1, 4, 3, 5), (1, 1, 3, 5), (1, 1, 3, 4), enable_gqa=True, is_causal=True),
        function("attention in groups under a mask", (1, 4, 3, 5), (1, 2, 3, 5), (1, 2, 3, 4), enable_gqa=True, attn_mask=torch.arange(36).reshape(1, 4, 3, 3) % 4 > 0),
    ]


def heads() -> list[dict]:
    kind = "MultiheadAttention"
    padding = yes([False, False, True, True], [False, False, False, True])
    ahead = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    each = (torch.arange(2 * 2 * 12).reshape(4, 3, 4) % 5) == 0
    return [
        module("MultiheadAttention of a sequence to itself", kind, [6, 2], {"batch_first": True}, (2, 4, 6), (2, 4, 6), (2, 4, 6)),
        module("MultiheadAttention, positions first", kind, [6, 3], {}, (4, 2, 6), (5, 2, 6), (5, 2, 6)),
        module("MultiheadAttention without a batch", kind, [6, 2], {}, (4, 6), (5, 6), (5, 6)),
        module("MultiheadAttention without bias", kind, [6, 2], {"bias": False}, (4, 2, 6), (5, 2, 6), (5, 2, 6)),
        module("MultiheadAttention of other sizes", kind, [6, 2], {"kdim": 5, "vdim": 3, "batch_first": True}, (2, 4, 6), (2, 3, 5), (2, 3, 3)),
        module("MultiheadAttention with shares of each head", kind, [6, 2], {"batch_first": True}, (2, 3, 6), (2, 4, 6), (2, 4, 6), average_attn_weights=False),
        module("MultiheadAttention without shares", kind, [6, 2], {"batch_first": True}, (2, 3, 6), (2, 4, 6), (2, 4, 6), need_weights=False),
        module("MultiheadAttention with padding", kind, [6, 2], {"batch_first": True}, (2, 3, 6), (2, 4, 6), (2, 4, 6), key_padding_mask=padding),
        module("MultiheadAttention, masked", kind, [6, 2], {"batch_first": True}, (2, 4, 6), (2, 4, 6), (2, 4, 6), attn_mask=ahead, key_padding_mask=padding),
        module("MultiheadAttention, masked by numbers", kind, [6, 2], {"batch_first": True}, (2, 3, 6), (2, 4, 6), (2, 4, 6), attn_mask=torch.linspace(-1, 1, 12).reshape(3, 4)),
        module("MultiheadAttention, each head masked", kind, [6, 2], {"batch_first": True}, (2, 3, 6), (2, 4, 6), (2, 4, 6), attn_mask=each),
        module("MultiheadAttention, causal", kind, [6, 2], {"batch_first": True}, (2, 4, 6), (2, 4, 6), (2, 4, 6), attn_mask=ahead, is_causal=True, need_weights=False),
        module("MultiheadAttention with more keys", kind, [6, 2], {"add_bias_kv": True, "add_zero_attn": True}, (4, 2, 6), (4, 2, 6), (4, 2, 6), key_padding_mask=padding),
        module("MultiheadAttention with more keys, masked", kind, [6, 2], {"add_bias_kv": True}, (4, 2, 6), (4, 2, 6), (4, 2, 6), attn_mask=ahead),
    ]


def layers() -> list[dict]:
    still = {"dropout": 0.0, "dim_feedforward": 10}
    padding = yes([False, False, False, True], [False, False, True, True])
    ahead = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    first = {**still, "batch_first": True}
    return [
        module("TransformerEncoderLayer", "TransformerEncoderLayer", [6, 2], still, (4, 2, 6)),
        module("TransformerEncoderLayer, normalised first", "TransformerEncoderLayer", [6, 3], {**first, "norm_first": True, "activation": "gelu"}, (2, 4, 6)),
        module("TransformerEncoderLayer, masked", "TransformerEncoderLayer", [6, 2], first, (2, 4, 6), src_mask=ahead, src_key_padding_mask=padding),
        module("TransformerEncoderLayer without bias", "TransformerEncoderLayer", [6, 2], {**first, "bias": False, "layer_norm_eps": 0.01}, (2, 4, 6)),
        module("TransformerDecoderLayer", "TransformerDecoderLayer", [6, 2], still, (4, 2, 6), (3, 2, 6)),
        module("TransformerDecoderLayer, normalised first", "TransformerDecoderLayer", [6, 2], {**first, "norm_first": True}, (2, 4, 6), (2, 3, 6)),
        module("TransformerDecoderLayer, masked", "TransformerDecoderLayer", [6, 2], first, (2, 4, 6), (2, 4, 6), tgt_mask=ahead, memory_key_padding_mask=padding),
        module("TransformerEncoder", "TransformerEncoder", [6, 2, 2], first, (2, 4, 6)),
        module("TransformerDecoder", "TransformerDecoder", [6, 2, 2], first, (2, 4, 6), (2, 3, 6), tgt_mask=ahead),
        module(
            "Transformer", "Transformer", [], {"d_model": 6, "nhead": 2, "num_encoder_layers": 2, "num_decoder_layers": 1, **first}, (2, 4, 6), (2, 4, 6), tgt_mask=nn.Transformer.generate_square_subsequent_mask(4)
        ),
    ]


def cases() -> list[dict]:
    return [*functions(), *heads(), *layers()]
