"""Cases of torch.nn.functional with weights given by hand, and of the modules that have no area of their own."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from record import plain, tensor
from torch_module import seed_of


class T:
    """An argument that is a tensor: drawn for a shape, or given."""

    def __init__(self, given, low: float | None = None, scale: float = 1.0):
        self.given, self.low, self.scale = given, low, scale

    def draw(self) -> torch.Tensor:
        if isinstance(self.given, tuple):
            return torch.rand(self.given) + self.low if self.low is not None else torch.randn(self.given) * self.scale
        return torch.from_numpy(np.array(self.given))


def case(name: str, function: str, args: list, run, options: dict | None = None) -> dict:
    """`args` and `options` as the TypeScript face takes them; `run` computes it from the tensors among them, in that order."""
    torch.manual_seed(seed_of(name))
    tensors: list[torch.Tensor] = []

    def drawn(value):
        if not isinstance(value, T):
            return value
        made = value.draw()
        made.requires_grad_(made.is_floating_point())
        tensors.append(made)
        return made

    args = [drawn(value) for value in args]
    options = {key: drawn(value) for key, value in (options or {}).items()}
    recorded = [value.detach().numpy().copy() if isinstance(value, torch.Tensor) else value for value in args]
    with_options = {key: value.detach().numpy().copy() if isinstance(value, torch.Tensor) else value for key, value in options.items()}
    outputs = run(*tensors)
    outputs = [output for output in (outputs if isinstance(outputs, tuple) else (outputs,)) if output is not None]
    gradients = [torch.randn_like(output) if output.is_floating_point() else None for output in outputs]
    total = sum((output * gradient).sum() for output, gradient in zip(outputs, gradients) if gradient is not None and output.requires_grad)
    if isinstance(total, torch.Tensor):
        total.backward()
    after = [value for value in tensors if value.is_floating_point()]
    return {
        "name": name,
        "function": function,
        "args": plain(recorded),
        "options": plain(with_options),
        "outputs": [tensor(output.detach().numpy()) for output in outputs],
        "outputGradients": [None if gradient is None else tensor(gradient.numpy()) for gradient in gradients],
        "gradients": [None if value.grad is None else tensor(value.grad.numpy()) for value in tensors],
        **({"after": [tensor(value.detach().numpy()) for value in after]} if "statistics" in name else {}),
    }


def statistics(run):
    """Running statistics take no gradient; PyTorch changes them in place."""

    def with_plain(x, mean, variance, *more):
        return run(x, mean.requires_grad_(False), variance.requires_grad_(False), *more)

    return with_plain


def convolutions() -> list[dict]:
    return [
        case("convTranspose1d", "convTranspose1d", [T((2, 4, 5)), T((4, 3, 3)), T((6,))], lambda x, w, b: F.conv_transpose1d(x, w, b, stride=2, padding=1, output_padding=1, groups=2), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}),
        case("convTranspose2d dilated", "convTranspose2d", [T((1, 2, 3, 4)), T((2, 3, 2, 3)), None], lambda x, w: F.conv_transpose2d(x, w, None, dilation=(2, 1), stride=(1, 2)), {"dilation": [2, 1], "stride": [1, 2]}),
        case("convTranspose3d", "convTranspose3d", [T((1, 2, 2, 2, 3)), T((2, 2, 2, 2, 2)), T((2,))], lambda x, w, b: F.conv_transpose3d(x, w, b, stride=2), {"stride": 2}),
        case("bilinear", "bilinear", [T((4, 3)), T((4, 2)), T((5, 3, 2)), T((5,))], F.bilinear),
    ]


def normalisations() -> list[dict]:
    stats = [T((3,)), T((3,), 0.5)]
    return [
        case("batchNorm with statistics, in training", "batchNorm", [T((4, 3, 5)), *stats], statistics(lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b, training=True, momentum=0.3)), {"weight": T((3,)), "bias": T((3,)), "training": True, "momentum": 0.3}),
        case("batchNorm in evaluation", "batchNorm", [T((4, 3, 2, 2)), *stats], statistics(lambda x, m, v: F.batch_norm(x, m, v, eps=0.01)), {"eps": 0.01}),
        case("instanceNorm with statistics", "instanceNorm", [T((2, 3, 4, 3)), *stats], statistics(lambda x, m, v, w, b: F.instance_norm(x, m, v, w, b, True, 0.2)), {"weight": T((3,)), "bias": T((3,)), "momentum": 0.2}),
        case("instanceNorm by running ones", "instanceNorm", [T((2, 3, 6)), *stats], statistics(lambda x, m, v: F.instance_norm(x, m, v, use_input_stats=False)), {"use_input_stats": False}),
        case("groupNorm", "groupNorm", [T((2, 6, 5)), 3], lambda x, w, b: F.group_norm(x, 3, w, b), {"weight": T((6,)), "bias": T((6,))}),
        case("rmsNorm", "rmsNorm", [T((3, 4)), [4]], lambda x, w: F.rms_norm(x, [4], w), {"weight": T((4,))}),
        case("normalize by p = 3", "normalize", [T((3, 4))], lambda x: F.normalize(x, 3.0, 1), {"p": 3}),
    ]


def pools() -> list[dict]:
    maxima = F.max_pool2d(torch.arange(96.0).reshape(1, 2, 6, 8) % 13, 2, return_indices=True)[1].numpy()
    two, three = torch.rand(2, 3, 2).numpy(), torch.rand(1, 2, 3).numpy()
    return [
        case("lpPool2d", "lpPool2d", [T((1, 2, 5, 4), 0.1), 3, 2], lambda x: F.lp_pool2d(x, 3.0, 2)),
        case("lpPool3d with ceilMode", "lpPool3d", [T((1, 1, 3, 3, 3)), 2, 2], lambda x: F.lp_pool3d(x, 2.0, 2, ceil_mode=True), {"ceil_mode": True}),
        case("maxUnpool2d", "maxUnpool2d", [T((1, 2, 3, 4)), T(maxima), 2], lambda x, i: F.max_unpool2d(x, i, 2)),
        case("adaptiveMaxPool2d with indices", "adaptiveMaxPool2d", [T((2, 2, 7, 5)), [3, 2]], lambda x: F.adaptive_max_pool2d(x, (3, 2), return_indices=True), {"return_indices": True}),
        case("adaptiveMaxPool1d with indices of even windows", "adaptiveMaxPool1d", [T((2, 2, 6)), 3], lambda x: F.adaptive_max_pool1d(x, 3, return_indices=True), {"return_indices": True}),
        case("adaptiveMaxPool3d with indices", "adaptiveMaxPool3d", [T((1, 2, 4, 5, 3)), [2, 3, 2]], lambda x: F.adaptive_max_pool3d(x, (2, 3, 2), return_indices=True), {"return_indices": True}),
        case("maxPool2d with indices", "maxPool2d", [T((1, 2, 5, 6)), 3], lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True), {"stride": 2, "padding": 1, "return_indices": True}),
        case("fractionalMaxPool2d", "fractionalMaxPool2d", [T((2, 3, 9, 11)), 2], lambda x: F.fractional_max_pool2d(x, 2, output_size=(5, 7), return_indices=True, _random_samples=torch.from_numpy(two)), {"output_size": [5, 7], "return_indices": True, "random_samples": two}),
        case("fractionalMaxPool2d by a ratio", "fractionalMaxPool2d", [T((2, 3, 10, 8)), [3, 2]], lambda x: F.fractional_max_pool2d(x, (3, 2), output_ratio=(0.5, 0.7), _random_samples=torch.from_numpy(two)), {"output_ratio": [0.5, 0.7], "random_samples": two}),
        case("fractionalMaxPool3d", "fractionalMaxPool3d", [T((1, 2, 6, 7, 5)), 2], lambda x: F.fractional_max_pool3d(x, 2, output_size=(4, 5, 3), return_indices=True, _random_samples=torch.from_numpy(three)), {"output_size": [4, 5, 3], "return_indices": True, "random_samples": three}),
        case("CrossMapLRN2d", "CrossMapLRN2d", [T((1, 5, 3, 2)), 3, 0.1, 0.6, 2.0], lambda x: F.local_response_norm(x, 3, 0.1, 0.6, 2.0)),
    ]


def samples() -> list[dict]:
    found = []
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            for corners in (False, True):
                found.append(case(f"gridSample {mode} {padding} {corners}", "gridSample", [T((2, 2, 4, 5)), T((2, 3, 3, 2))], lambda x, g: F.grid_sample(x, g, mode, padding, corners), {"mode": mode, "padding_mode": padding, "align_corners": corners}))
    found += [case(f"gridSample of a volume {mode}", "gridSample", [T((1, 2, 3, 4, 2)), T((1, 2, 3, 1, 3))], lambda x, g: F.grid_sample(x, g, mode, "zeros", False), {"mode": mode}) for mode in ("bilinear", "nearest")]
    found += [case(f"affineGrid {corners}", "affineGrid", [T((2, 2, 3)), [2, 3, 4, 5]], lambda t: F.affine_grid(t, [2, 3, 4, 5], corners), {"align_corners": corners}) for corners in (False, True)]
    return [*found, case("affineGrid of a volume", "affineGrid", [T((1, 3, 4)), [1, 1, 2, 3, 4]], lambda t: F.affine_grid(t, [1, 1, 2, 3, 4], False))]


def embeddings() -> list[dict]:
    index = np.int64([1, 2, 4, 5, 4, 3, 2, 0])
    return [
        case("embeddingBag of sums with weights", "embeddingBag", [T(index), T((6, 3)), T(np.int64([0, 3, 3]))], lambda i, w, o, s: F.embedding_bag(i, w, o, mode="sum", per_sample_weights=s), {"mode": "sum", "per_sample_weights": T((8,))}),
        case("embeddingBag of rows", "embeddingBag", [T(index.reshape(2, 4)), T((6, 3))], lambda i, w: F.embedding_bag(i, w)),
        case("embeddingBag of maxima without padding", "embeddingBag", [T(index.reshape(2, 4)), T((6, 3)), None], lambda i, w: F.embedding_bag(i, w, mode="max", padding_idx=4), {"mode": "max", "padding_idx": 4}),
        case("pdist", "pdist", [T((5, 3))], lambda x: F.pdist(x)),
        case("pdist by p = 1", "pdist", [T((4, 3)), 1], lambda x: F.pdist(x, 1.0)),
        case("prelu", "prelu", [T((2, 3, 4)), T((3,))], F.prelu),
        case("prelu of one slope", "prelu", [T((2, 3)), T((1,))], F.prelu),
        case("rrelu in evaluation", "rrelu", [T((3, 4))], lambda x: F.rrelu(x, training=False)),
        case("oneHot", "oneHot", [T(np.int64([[1, 0], [3, 2]])), 5], lambda i: F.one_hot(i, 5)),
    ]


def attention() -> list[dict]:
    def run(q, k, v, w, wb, o, ob):
        return F.multi_head_attention_forward(q, k, v, 6, 2, w, wb, None, None, False, 0.0, o, ob, training=False)

    def apart(q, k, v, wq, wk, wv, b, o, bk, bv):
        return F.multi_head_attention_forward(q, k, v, 6, 3, None, b, bk, bv, True, 0.0, o, None, training=False, use_separate_proj_weight=True, q_proj_weight=wq, k_proj_weight=wk, v_proj_weight=wv, average_attn_weights=False)

    return [
        case("multiHeadAttentionForward", "multiHeadAttentionForward", [T((4, 2, 6)), T((5, 2, 6)), T((5, 2, 6)), 2], run, {"in_proj_weight": T((18, 6), scale=0.4), "in_proj_bias": T((18,)), "out_proj_weight": T((6, 6)), "out_proj_bias": T((6,)), "training": False}),
        case("multiHeadAttentionForward of separate weights", "multiHeadAttentionForward", [T((3, 2, 6)), T((4, 2, 5)), T((4, 2, 7)), 3], apart, {"q_proj_weight": T((6, 6), scale=0.4), "k_proj_weight": T((6, 5), scale=0.4), "v_proj_weight": T((6, 7), scale=0.4), "in_proj_bias": T((18,)), "out_proj_weight": T((6, 6)), "bias_k": T((1, 1, 6)), "bias_v": T((1, 1, 6)), "add_zero_attn": True, "training": False, "average_attn_weights": False}),
    ]


def losses() -> list[dict]:
    labels = np.int64([1, 0, 3, -100])
    places = np.int64([[[1, 0], [2, 2]], [[0, 3], [1, 1]]])
    return [
        case("linearCrossEntropy", "linearCrossEntropy", [T((4, 5)), T((6, 5)), T(labels)], lambda x, w, t, b: F.linear_cross_entropy(x, w, t, linear_bias=b, label_smoothing=0.1), {"linear_bias": T((6,)), "label_smoothing": 0.1}),
        case("linearCrossEntropy at several places", "linearCrossEntropy", [T((2, 5)), T((4, 2, 2, 5)), T(places)], lambda x, w, t: F.linear_cross_entropy(x, w, t, reduction="sum"), {"reduction": "sum"}),
    ]


def modules() -> list[dict]:
    """Modules whose forward takes labels or gives several results: `state` by path, `inputs`, `outputs`."""
    found = []
    for name, kind, args, options, inputs in (
        ("AdaptiveLogSoftmaxWithLoss", "AdaptiveLogSoftmaxWithLoss", [8, 20, [4, 10]], {"div_value": 2.0}, [T((6, 8)), T(np.int64([0, 5, 12, 19, 3, 9]))]),
        ("AdaptiveLogSoftmaxWithLoss with a bias, of one sample", "AdaptiveLogSoftmaxWithLoss", [4, 9, [3]], {"head_bias": True}, [T((4,)), T(np.int64(7))]),
        ("LinearCrossEntropyLoss", "LinearCrossEntropyLoss", [5, 7], {"bias": True}, [T((4, 5)), T(np.int64([6, 0, 2, 2]))]),
        ("LinearCrossEntropyLoss at several places", "LinearCrossEntropyLoss", [5, 3], {"out_features": [2, 2]}, [T((2, 5)), T(np.int64([[[1, 0], [2, 2]], [[0, 2], [1, 1]]]))]),
    ):
        torch.manual_seed(seed_of(name))
        module = getattr(nn, kind)(*args, **({**options, "out_features": tuple(options["out_features"])} if "out_features" in options else options))
        given = [value.draw() for value in inputs]
        given[0].requires_grad_()
        result = module(*given)
        outputs = list(result) if isinstance(result, tuple) else [result]
        outputs[-1].backward()
        more = {"log_prob": tensor(module.log_prob(given[0]).detach().numpy()), "predict": tensor(module.predict(given[0]).numpy())} if given[0].dim() == 2 and kind.startswith("Adaptive") else {}
        found.append(
            {
                "name": name,
                "module": {"kind": kind, "args": plain(args), "options": plain(options)},
                "state": {path: tensor(value.detach().numpy()) for path, value in module.state_dict().items()},
                "inputs": [tensor(value.detach().numpy()) for value in given],
                "outputs": [tensor(value.detach().numpy()) for value in outputs],
                "gradients": {"input0": tensor(given[0].grad.numpy()), **{path: tensor(value.grad.numpy()) for path, value in module.named_parameters() if value.grad is not None}},
                **plain(more),
            }
        )
    return found


def cases() -> list[dict]:
    return [*convolutions(), *normalisations(), *pools(), *samples(), *embeddings(), *attention(), *losses(), *modules()]
