"""Cases of torch.nn losses: the value, and its gradient with respect to the prediction."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from record import plain, tensor
from torch_module import seed_of

REDUCTIONS = ("mean", "sum", "none")


def loss(name: str, kind: str, shape: tuple | np.ndarray, target, reductions=REDUCTIONS, prepare=None, extra=(), **options) -> list[dict]:
    """`target`: a function that draws one, or an array. `prepare` turns normal numbers into a fitting prediction."""
    cases = []
    for reduction in reductions:
        torch.manual_seed(seed_of(name))
        x = torch.from_numpy(shape) if isinstance(shape, np.ndarray) else torch.randn(shape)
        x = (prepare(x) if prepare else x).detach().requires_grad_()
        y = target() if callable(target) else torch.from_numpy(target)
        given = {key: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
        others = [torch.randn(size) for size in extra]
        output = getattr(nn, kind)(reduction=reduction, **given)(x, *others, y)
        gradient = torch.randn_like(output) if reduction == "none" else torch.ones_like(output)
        output.backward(gradient)
        cases.append(
            {
                "name": f"{name}, {reduction}",
                "loss": {"kind": kind, "args": [], "options": plain({**options, "reduction": reduction})},
                "inputs": [tensor(value.detach().numpy()) for value in (x, *others, y)],
                "output": tensor(output.detach().numpy()),
                "outputGradient": tensor(gradient.numpy()),
                "gradients": {"input0": tensor(x.grad.numpy())},
            }
        )
    return cases


def labels(*shape: int, classes: int = 4):
    return lambda: torch.randint(0, classes, shape)


def normal(*shape: int):
    return lambda: torch.randn(shape)


def chance(*shape: int):
    return lambda: torch.rand(shape)


def distribution(*shape: int):
    return lambda: torch.softmax(torch.randn(shape), dim=1)


def regression() -> list[dict]:
    far = np.float32([[0.0, 3.0, -3.0, 0.5], [1.0, -1.0, 0.25, 100.0]])
    near = np.float32([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, -100.0]])
    return [
        *loss("MSELoss", "MSELoss", (3, 4), normal(3, 4)),
        *loss("L1Loss", "L1Loss", (3, 4), normal(3, 4)),
        *loss("L1Loss where it has a corner", "L1Loss", far, near, ("sum",)),
        *loss("SmoothL1Loss", "SmoothL1Loss", (3, 4), normal(3, 4)),
        *loss("SmoothL1Loss with beta", "SmoothL1Loss", far, near, beta=0.5),
        *loss("SmoothL1Loss with beta 0", "SmoothL1Loss", (2, 3), normal(2, 3), ("mean",), beta=0.0),
        *loss("HuberLoss", "HuberLoss", far, near),
        *loss("HuberLoss with delta", "HuberLoss", (3, 4), normal(3, 4), delta=0.7),
    ]


def classification() -> list[dict]:
    weight = np.float32([0.5, 2.0, 1.0, 0.25])
    ignoring = np.int64([1, -100, 3, 0, -100])
    ignoring_two = np.int64([1, 2, 3, 0, 2])
    large = np.float32([[1000, 0, -1000, 5], [-200, -201, -202, -203], [88, 89, 90, 100]])
    return [
        *loss("CrossEntropyLoss", "CrossEntropyLoss", (5, 4), labels(5)),
        *loss("CrossEntropyLoss of one sample", "CrossEntropyLoss", (4,), lambda: torch.tensor(2), ("mean",)),
        *loss("CrossEntropyLoss of very large numbers", "CrossEntropyLoss", large, np.int64([1, 3, 0])),
        *loss("CrossEntropyLoss with weight", "CrossEntropyLoss", (5, 4), labels(5), weight=weight),
        *loss("CrossEntropyLoss with labelSmoothing", "CrossEntropyLoss", (5, 4), labels(5), label_smoothing=0.1),
        *loss("CrossEntropyLoss with weight and labelSmoothing", "CrossEntropyLoss", (5, 4), labels(5), weight=weight, label_smoothing=0.2),
        *loss("CrossEntropyLoss that ignores labels", "CrossEntropyLoss", (5, 4), ignoring),
        *loss("CrossEntropyLoss with ignoreIndex, weight and labelSmoothing", "CrossEntropyLoss", (5, 4), ignoring_two, weight=weight, label_smoothing=0.1, ignore_index=2),
        *loss("CrossEntropyLoss on pixels", "CrossEntropyLoss", (2, 4, 2, 3), labels(2, 2, 3)),
        *loss("CrossEntropyLoss on pixels with weight", "CrossEntropyLoss", (2, 4, 3), labels(2, 3), weight=weight),
        *loss("CrossEntropyLoss of probabilities", "CrossEntropyLoss", (5, 4), distribution(5, 4)),
        *loss("CrossEntropyLoss of probabilities with weight and labelSmoothing", "CrossEntropyLoss", (5, 4), distribution(5, 4), weight=weight, label_smoothing=0.1),
        *loss("CrossEntropyLoss of probabilities on pixels", "CrossEntropyLoss", (2, 4, 3), distribution(2, 4, 3)),
        *loss("NLLLoss", "NLLLoss", (5, 4), labels(5), prepare=lambda x: torch.log_softmax(x, 1)),
        *loss("NLLLoss with weight and ignoreIndex", "NLLLoss", (5, 4), ignoring_two, prepare=lambda x: torch.log_softmax(x, 1), weight=weight, ignore_index=2),
        *loss("NLLLoss on pixels", "NLLLoss", (2, 4, 2, 2), labels(2, 2, 2), prepare=lambda x: torch.log_softmax(x, 1)),
    ]


def probability() -> list[dict]:
    certain = np.float32([[0.0, 1.0, 1.0, 0.0], [1e-30, 0.5, 0.999999, 0.25]])
    truth = np.float32([[0.0, 1.0, 0.0, 1.0], [1.0, 0.5, 1.0, 0.0]])
    logits = np.float32([[0.0, 30.0, -30.0, 100.0], [-100.0, 1.0, -1.0, 0.1]])
    factors = np.float32([0.5, 2.0, 1.0, 3.0])
    bits = lambda: torch.randint(0, 2, (3, 4)).float()  # noqa: E731
    half = ("batchmean", *REDUCTIONS)
    return [
        *loss("BCELoss", "BCELoss", (3, 4), bits, prepare=torch.sigmoid),
        *loss("BCELoss with weight", "BCELoss", (3, 4), chance(3, 4), prepare=torch.sigmoid, weight=factors),
        *loss("BCELoss of certainties", "BCELoss", certain, truth),
        *loss("BCEWithLogitsLoss", "BCEWithLogitsLoss", (3, 4), bits),
        *loss("BCEWithLogitsLoss with posWeight", "BCEWithLogitsLoss", (3, 4), chance(3, 4), pos_weight=factors),
        *loss("BCEWithLogitsLoss with weight and posWeight", "BCEWithLogitsLoss", (3, 4), bits, weight=factors[::-1].copy(), pos_weight=factors),
        *loss("BCEWithLogitsLoss of very large numbers", "BCEWithLogitsLoss", logits, truth),
        *loss("KLDivLoss", "KLDivLoss", (3, 4), distribution(3, 4), half, prepare=lambda x: torch.log_softmax(x, 1)),
        *loss("KLDivLoss of a target with zeros", "KLDivLoss", (2, 4), np.float32([[0, 0, 1, 0], [0.5, 0, 0.5, 0]]), half, prepare=lambda x: torch.log_softmax(x, 1)),
        *loss("KLDivLoss with a logarithmic target", "KLDivLoss", (3, 4), lambda: torch.log_softmax(torch.randn(3, 4), 1), half, prepare=lambda x: torch.log_softmax(x, 1), log_target=True),
        *loss("PoissonNLLLoss", "PoissonNLLLoss", (3, 4), lambda: torch.randint(0, 5, (3, 4)).float()),
        *loss("SoftMarginLoss", "SoftMarginLoss", (3, 4), lambda: torch.randint(0, 2, (3, 4)).float() * 2 - 1),
        *loss("HingeEmbeddingLoss", "HingeEmbeddingLoss", (3, 4), lambda: torch.randint(0, 2, (3, 4)).float() * 2 - 1, margin=0.8),
        *loss("MultiMarginLoss", "MultiMarginLoss", (5, 4), labels(5)),
        *loss("MarginRankingLoss", "MarginRankingLoss", (6,), lambda: torch.randint(0, 2, (6,)).float() * 2 - 1, extra=((6,),), margin=0.2),
        *loss("CosineEmbeddingLoss", "CosineEmbeddingLoss", (4, 3), lambda: torch.tensor([1.0, -1.0, 1.0, -1.0]), extra=((4, 3),), margin=0.1),
        *loss("TripletMarginLoss", "TripletMarginLoss", (4, 3), normal(4, 3), extra=((4, 3),)),
    ]


def ctc(name: str, targets: np.ndarray, input_lengths: list[int], target_lengths: list[int], shape: tuple = (6, 3, 5), **options) -> list[dict]:
    """The gradients are those of scores before a logSoftmax: PyTorch's own gradient of `logProbs` takes the logSoftmax in."""
    cases = []
    for reduction in REDUCTIONS:
        torch.manual_seed(seed_of(name))
        x = torch.randn(shape).requires_grad_()
        output = nn.CTCLoss(reduction=reduction, **options)(torch.log_softmax(x, -1), torch.from_numpy(targets), torch.tensor(input_lengths), torch.tensor(target_lengths))
        gradient = torch.randn_like(output) if reduction == "none" else torch.ones_like(output)
        output.backward(gradient)
        cases.append(
            {
                "name": f"{name}, {reduction}",
                "loss": {"kind": "CTCLoss", "args": [], "options": plain({**options, "reduction": reduction}), "before": "logSoftmax"},
                "inputs": [tensor(value) for value in (x.detach().numpy(), targets, np.int64(input_lengths), np.int64(target_lengths))],
                "output": tensor(output.detach().numpy()),
                "outputGradient": tensor(gradient.numpy()),
                "gradients": {"input0": tensor(x.grad.numpy())},
            }
        )
    return cases


def rest() -> list[dict]:
    """What torch.nn has beside."""
    counts = lambda: torch.randint(0, 6, (3, 4)).float()  # noqa: E731
    bits = lambda *shape: lambda: torch.randint(0, 2, shape).float()  # noqa: E731
    weight = np.float32([0.5, 2.0, 1.0, 0.25])
    corners = np.float32([[1.0, 0.0, -1.0, 0.8], [0.2, 2.0, 0.0, 1.0]])
    lists = np.int64([[0, 2, -1, 1], [3, -1, 0, 1], [-1, 0, 1, 2], [1, 0, 3, 2]])
    padded = np.int64([[1, 2, 2], [3, 1, 0], [4, 4, 0]])
    return [
        *loss("PoissonNLLLoss of rates", "PoissonNLLLoss", (3, 4), counts, prepare=lambda x: x.exp(), log_input=False),
        *loss("PoissonNLLLoss of rates near 0", "PoissonNLLLoss", (2, 3), counts2(), prepare=lambda x: (x * 0).abs(), log_input=False, eps=1e-3),
        *loss("PoissonNLLLoss in full", "PoissonNLLLoss", (3, 4), counts, full=True),
        *gaussian("GaussianNLLLoss", (3, 4), (3, 4)),
        *gaussian("GaussianNLLLoss in full", (3, 4), (3, 4), full=True),
        *gaussian("GaussianNLLLoss with a variance a row", (3, 4), (3, 1)),
        *gaussian("GaussianNLLLoss with a variance a row and no axis", (3, 4), (3,)),
        *gaussian("GaussianNLLLoss of small variances", (3, 4), (3, 4), eps=0.5),
        *loss("HingeEmbeddingLoss where it has corners", "HingeEmbeddingLoss", corners, np.float32([[1, -1, 1, -1], [-1, 1, 1, -1]])),
        *loss("MultiMarginLoss with everything", "MultiMarginLoss", (5, 4), labels(5), p=2, margin=0.7, weight=weight),
        *loss("MultiMarginLoss of one sample", "MultiMarginLoss", (4,), lambda: torch.tensor(2), ("mean",)),
        *loss("MultiMarginLoss where it has corners", "MultiMarginLoss", corners, np.int64([0, 1])),
        *loss("MultiLabelMarginLoss", "MultiLabelMarginLoss", (4, 4), lists),
        *loss("MultiLabelMarginLoss of one sample", "MultiLabelMarginLoss", (4,), np.int64([3, 0, -1, 1]), ("mean",)),
        *loss("MultiLabelSoftMarginLoss", "MultiLabelSoftMarginLoss", (3, 4), bits(3, 4)),
        *loss("MultiLabelSoftMarginLoss with weight", "MultiLabelSoftMarginLoss", (3, 4), bits(3, 4), weight=weight),
        *loss("SoftMarginLoss of very large numbers", "SoftMarginLoss", np.float32([[50.0, -50.0, 0.0, 3.0]]), np.float32([[1, 1, -1, -1]])),
        *loss("CosineEmbeddingLoss of one pair", "CosineEmbeddingLoss", (3,), lambda: torch.tensor(-1.0), ("mean",), extra=((3,),)),
        *loss("TripletMarginLoss with everything", "TripletMarginLoss", (4, 3), normal(4, 3), extra=((4, 3),), margin=0.6, p=3.0, eps=1e-3, swap=True),
        *loss("TripletMarginLoss with distances of order 1", "TripletMarginLoss", (4, 3), normal(4, 3), extra=((4, 3),), p=1.0),
        *loss("TripletMarginWithDistanceLoss", "TripletMarginWithDistanceLoss", (4, 3), normal(4, 3), extra=((4, 3),), margin=0.8, swap=True),
        *loss("KLDivLoss of one row", "KLDivLoss", (4,), lambda: torch.softmax(torch.randn(4), 0), ("sum",), prepare=lambda x: torch.log_softmax(x, 0)),
        *ctc("CTCLoss", padded, [6, 5, 6], [3, 2, 1]),
        *ctc("CTCLoss of targets in a row", np.int64([1, 2, 3, 1, 4]), [6, 6, 4], [3, 1, 1]),
        *ctc("CTCLoss with another blank", np.int64([[0, 1, 1], [3, 1, 0], [2, 0, 3]]), [6, 5, 6], [3, 2, 3], blank=4),
        *ctc("CTCLoss of targets that are too long", np.int64([[1, 1, 1, 1], [1, 2, 3, 0], [2, 0, 0, 0]]), [6, 3, 2], [4, 3, 1], zero_infinity=True),
        *ctc("CTCLoss of an empty target", np.int64([[1, 2], [0, 0], [2, 2]]), [4, 4, 4], [2, 0, 2], shape=(4, 3, 5)),
    ]


def counts2():
    return lambda: torch.randint(0, 4, (2, 3)).float()


def gaussian(name: str, shape: tuple, variance: tuple, **options) -> list[dict]:
    cases = []
    for reduction in REDUCTIONS:
        torch.manual_seed(seed_of(name))
        x, y, v = torch.randn(shape).requires_grad_(), torch.randn(shape), torch.rand(variance).requires_grad_()
        output = nn.GaussianNLLLoss(reduction=reduction, **options)(x, y, v)
        gradient = torch.randn_like(output) if reduction == "none" else torch.ones_like(output)
        output.backward(gradient)
        cases.append(
            {
                "name": f"{name}, {reduction}",
                "loss": {"kind": "GaussianNLLLoss", "args": [], "options": plain({**options, "reduction": reduction})},
                "inputs": [tensor(value.detach().numpy()) for value in (x, y, v)],
                "output": tensor(output.detach().numpy()),
                "outputGradient": tensor(gradient.numpy()),
                "gradients": {"input0": tensor(x.grad.numpy()), "input2": tensor(v.grad.numpy())},
            }
        )
    return cases


def cases() -> list[dict]:
    return [*regression(), *classification(), *probability(), *rest()]
