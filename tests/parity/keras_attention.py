"""Cases of Keras' layers of attention: outputs, shares and all gradients, from several inputs and with what a call may ask for."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_layer import normal, path_of, random_of
from record import plain, tensor

CLASSES = {
    "multiHeadAttention": keras.layers.MultiHeadAttention,
    "groupQueryAttention": keras.layers.GroupQueryAttention,
    "attention": keras.layers.Attention,
    "additiveAttention": keras.layers.AdditiveAttention,
}


def case(name: str, kind: str, made: dict, *inputs: tuple, call: dict | None = None) -> dict:
    random = random_of(name)
    call = call or {}
    layer = CLASSES[kind](**made)
    given = [tf.constant(normal(random, shape)) for shape in inputs]
    single = kind in ("attention", "additiveAttention")
    use = (lambda: layer(given, **call)) if single else (lambda: layer(*given, **call))
    use()
    for weight in layer.weights:
        weight.assign(normal(random, tuple(weight.shape)) * 0.5)
    with tf.GradientTape() as tape:
        tape.watch(given)
        outputs = use()
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        upstream = [normal(random, tuple(out.shape)) for out in outputs]
        total = tf.add_n([tf.reduce_sum(out * up) for out, up in zip(outputs, upstream)])
    found = tape.gradient(total, [*given, *(weight.value for weight in layer.trainable_weights)], unconnected_gradients="zero")
    names = [*(f"input{i}" for i in range(len(given))), *(path_of(layer, weight) for weight in layer.trainable_weights)]
    asked = {key: [None if one is None else np.array(one) for one in value] if key == "mask" else value for key, value in call.items()}
    return {
        "name": name,
        "layer": {"kind": kind, "options": plain(made)},
        "weights": [{"name": path_of(layer, weight), **tensor(weight.numpy())} for weight in layer.weights],
        "inputs": [tensor(value.numpy()) for value in given],
        "call": plain(asked),
        "outputs": [tensor(out.numpy()) for out in outputs],
        "outputGradients": [tensor(value) for value in upstream],
        "gradients": {key: tensor(tf.convert_to_tensor(value).numpy()) for key, value in zip(names, found)},
        "parameters": layer.count_params(),
    }


def cases() -> list[dict]:
    heads = {"num_heads": 2, "key_dim": 3}
    groups = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    q, v, k = (2, 4, 6), (2, 5, 6), (2, 5, 7)
    mask = np.arange(40).reshape(2, 4, 5) % 3 > 0
    blind = mask.copy()
    blind[0, 1] = False
    some = [np.array([[True, True, True, False], [True] * 4]), np.array([[True, True, False, False, False], [True] * 4 + [False]])]
    return [
        case("multiHeadAttention", "multiHeadAttention", heads, q, v),
        case("multiHeadAttention with a key", "multiHeadAttention", {**heads, "value_dim": 2}, q, v, k),
        case("multiHeadAttention without bias", "multiHeadAttention", {**heads, "use_bias": False}, q, v),
        case("multiHeadAttention, causal", "multiHeadAttention", heads, q, q, call={"use_causal_mask": True}),
        case("multiHeadAttention under a mask", "multiHeadAttention", heads, q, v, call={"attention_mask": mask}),
        case("multiHeadAttention under a mask with a blind query", "multiHeadAttention", heads, q, v, call={"attention_mask": blind}),
        case("multiHeadAttention with its shares", "multiHeadAttention", heads, q, v, call={"return_attention_scores": True, "attention_mask": mask}),
        case("groupQueryAttention", "groupQueryAttention", groups, q, v),
        case("groupQueryAttention with a key, causal", "groupQueryAttention", groups, q, q, (2, 4, 5), call={"use_causal_mask": True}),
        case("groupQueryAttention under a mask with its shares", "groupQueryAttention", groups, q, v, call={"attention_mask": mask, "return_attention_scores": True}),
        case("attention", "attention", {}, q, v),
        case("attention, scaled, with a key", "attention", {"use_scale": True}, q, (2, 5, 3), v),
        case("attention by concatenation", "attention", {"score_mode": "concat", "use_scale": True}, q, v),
        case("attention, causal, with its shares", "attention", {}, q, q, call={"use_causal_mask": True, "return_attention_scores": True}),
        case("attention under masks", "attention", {}, q, v, call={"mask": some}),
        case("additiveAttention", "additiveAttention", {}, q, v),
        case("additiveAttention without scale, under masks", "additiveAttention", {"use_scale": False}, q, v, call={"mask": [None, some[1]]}),
        case("multiHeadAttention, gated, in a window", "multiHeadAttention", {**heads, "use_gate": True, "sliding_window": 2}, q, q),
        case("multiHeadAttention in a window, causal, under a mask", "multiHeadAttention", {**heads, "sliding_window": 2}, q, q, call={"use_causal_mask": True, "attention_mask": blind[:, :, :4]}),
        case("multiHeadAttention of a shape", "multiHeadAttention", {**heads, "output_shape": (2, 4)}, q, v),
        case("multiHeadAttention along the second axis", "multiHeadAttention", {**heads, "attention_axes": (2,)}, (2, 3, 4, 5), (2, 3, 6, 5)),
        case("multiHeadAttention along the first axis, with its shares", "multiHeadAttention", {**heads, "attention_axes": (1,), "value_dim": 2}, (2, 3, 2, 5), (2, 4, 2, 5), call={"return_attention_scores": True}),
        case("multiHeadAttention along both axes", "multiHeadAttention", heads, (2, 3, 2, 5), (2, 2, 2, 5)),
        case("multiHeadAttention along both axes, under a mask, with its shares", "multiHeadAttention", {**heads, "attention_axes": (1, 2)}, (2, 3, 2, 5), (2, 2, 2, 5), call={"return_attention_scores": True, "attention_mask": np.arange(48).reshape(2, 3, 2, 2, 2) % 3 > 0}),
        case("multiHeadAttention along the second axis, under a mask", "multiHeadAttention", {**heads, "attention_axes": (2,)}, (2, 3, 4, 5), (2, 3, 5, 5), call={"attention_mask": mask}),
        case("groupQueryAttention, gated, in a window", "groupQueryAttention", {**groups, "use_gate": True, "sliding_window": 2}, q, q),
        case("groupQueryAttention under a mask with a blind query", "groupQueryAttention", groups, q, v, call={"attention_mask": blind}),
    ]
