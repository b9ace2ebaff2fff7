"""Recurrent layers: outputs, states and gradients, with masks, both ways, of several cells."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from record import plain, tensor


def case(name: str, spelled: dict, layer: keras.layers.Layer, shape: tuple[int, ...], states: int = 0, mask=None, integers: int = 0, state: tuple[int, ...] | None = None) -> dict:
    """`spelled`: how the TypeScript face writes the layer. `state`: the sizes of a part of a sample's state, where they are not the units."""
    rng = np.random.default_rng(abs(hash_of(name)))
    x = rng.integers(0, integers, shape).astype("int32") if integers else rng.normal(size=shape).astype("float32")
    layer.build(shape) if not layer.built else None
    for weight in layer.weights:
        if "seed" not in weight.path:
            weight.assign(rng.normal(0, 0.6, weight.shape).astype("float32"))
    given = [rng.normal(size=(shape[0], *(state or (layer.units,)))).astype("float32") for _ in range(states)]
    x_, start = tf.constant(x), [tf.constant(s) for s in given]
    with tf.GradientTape() as tape:
        for t in [x_, *start]:
            if t.dtype.is_floating:
                tape.watch(t)
        options = {} if mask is None else {"mask": tf.constant(np.array(mask, bool))}
        if states:
            options["initial_state"] = start
        made = layer(x_, **options)
        outputs = list(made) if isinstance(made, (list, tuple)) else [made]
        flows = [rng.normal(size=y.shape).astype("float32") for y in outputs]
        loss = sum(tf.reduce_sum(y * dy) for y, dy in zip(outputs, flows))
    weights = [w for w in layer.trainable_variables]
    wanted = [*([] if integers else [x_]), *start, *[w.value for w in weights]]
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, wanted)]
    return {
        "name": name,
        "layer": plain(spelled),
        "weights": [tensor(w.numpy()) for w in weights],
        "input": tensor(x),
        "mask": mask,
        "states": [tensor(s) for s in given],
        "outputs": [tensor(y.numpy()) for y in outputs],
        "outputGradients": [tensor(dy) for dy in flows],
        "gradients": [tensor(g) for g in gradients],
    }


def hash_of(name: str) -> int:
    import zlib

    return zlib.crc32(name.encode())


def spec(kind: str, *args, **options) -> dict:
    return {"kind": kind, "args": list(args), "options": options}


def cases() -> list[dict]:
    made = []
    mask = [[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]]
    for kind, maker in (("simpleRNN", layers.SimpleRNN), ("lstm", layers.LSTM), ("gru", layers.GRU)):
        parts = 2 if kind == "lstm" else 1
        of = lambda **o: (spec(kind, 4, **o), maker(4, **o))
        made += [
            case(f"{kind} alone", *of(), (2, 5, 3)),
            case(f"{kind} of sequences with states", *of(return_sequences=True, return_state=True), (2, 5, 3), parts),
            case(f"{kind} backwards with a mask", *of(return_sequences=True, return_state=True, go_backwards=True), (2, 5, 3), 0, mask),
            case(f"{kind} with a mask", *of(), (2, 5, 3), 0, mask),
            case(f"{kind} without bias, other activations", *of(use_bias=False, activation="relu"), (2, 4, 3)),
        ]
    made += [
        case("gru with the reset gate before the product", spec("gru", 4, reset_after=False, return_sequences=True), layers.GRU(4, reset_after=False, return_sequences=True), (2, 5, 3)),
        case("lstm with hard gates", spec("lstm", 4, recurrent_activation="hard_sigmoid"), layers.LSTM(4, recurrent_activation="hard_sigmoid"), (2, 5, 3)),
    ]
    for mode in ("concat", "sum", "mul", "ave"):
        inner = spec("lstm", 3, return_sequences=True)
        made.append(case(f"bidirectional, {mode}", {**spec("bidirectional", merge_mode=mode), "inner": inner}, layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode=mode), (2, 4, 3)))
    made += [
        case("bidirectional with a mask, last outputs", {**spec("bidirectional"), "inner": spec("gru", 3)}, layers.Bidirectional(layers.GRU(3)), (2, 5, 3), 0, mask),
        case("timeDistributed dense", {**spec("timeDistributed"), "inner": spec("dense", 4)}, layers.TimeDistributed(layers.Dense(4)), (2, 5, 3)),
        case("rnn of two cells", {**spec("rnn", return_sequences=True), "cells": [spec("lstmCell", 3), spec("gruCell", 2)]}, layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True), (2, 4, 3)),
    ]
    late = [[0, 0, 1, 0, 1], [0, 0, 0, 0, 0]]
    for kind, maker, parts in (("lstm", layers.LSTM, 2), ("gru", layers.GRU, 1)):
        for o in ({"return_sequences": True}, {"return_state": True}, {"return_sequences": True, "go_backwards": True}):
            made.append(case(f"{kind} that begins late, from a state, {', '.join(o)}", spec(kind, 4, **o), maker(4, **o), (2, 5, 3), parts, late))
        inner = spec(kind, 3, return_sequences=True)
        made.append(case(f"bidirectional {kind} of sequences with a mask", {**spec("bidirectional"), "inner": inner}, layers.Bidirectional(maker(3, return_sequences=True)), (2, 5, 3), 0, mask))
    cells = {**spec("rnn", return_sequences=True), "cells": [spec("lstmCell", 3), spec("gruCell", 2)]}
    made.append(case("bidirectional rnn of two cells", {**spec("bidirectional"), "inner": cells}, layers.Bidirectional(layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True)), (2, 4, 3)))
    for kind, maker in (("simpleRNN", layers.SimpleRNN), ("lstm", layers.LSTM), ("gru", layers.GRU)):
        for o in ({"return_sequences": True}, {}, {"return_sequences": True, "unroll": True}):
            cell = spec({"simpleRNN": "simpleRNNCell"}.get(kind, f"{kind}Cell"), 4)
            made.append(case(f"rnn of a {kind} cell with zeros for masked steps, {', '.join(o) or 'last output'}", {**spec("rnn", zero_output_for_mask=True, **o), "cells": [cell]}, layers.RNN(CELLS[kind](4), zero_output_for_mask=True, **o), (2, 5, 3), 0, mask))
    return made


CELLS = {"simpleRNN": layers.SimpleRNNCell, "lstm": layers.LSTMCell, "gru": layers.GRUCell}
