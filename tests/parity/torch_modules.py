"""Cases of torch.nn layers: forward, all gradients, and what the layer keeps."""

from __future__ import annotations

import numpy as np

from torch_module import case, spec


def sequential(*modules: dict) -> dict:
    return {"kind": "Sequential", "modules": list(modules)}


def linear() -> list[dict]:
    return [
        case("Linear on a matrix", spec("Linear", 4, 3), (5, 4)),
        case("Linear on a vector", spec("Linear", 4, 3), (4,)),
        case("Linear on three axes", spec("Linear", 4, 3), (2, 3, 4)),
        case("Linear without bias", spec("Linear", 6, 2, bias=False), (3, 6)),
        case("Linear wider than a vector register", spec("Linear", 33, 17), (9, 33)),
        case("Bilinear", spec("Bilinear", 3, 4, 2), (5, 3), (5, 4)),
    ]


def convolution() -> list[dict]:
    return [
        case("Conv1d", spec("Conv1d", 2, 3, 3), (2, 2, 8)),
        case("Conv1d with stride, padding and dilation", spec("Conv1d", 2, 4, 3, stride=2, padding=2, dilation=2), (2, 2, 9)),
        case("Conv1d same", spec("Conv1d", 3, 3, 4, padding="same"), (2, 3, 7)),
        case("Conv1d in groups", spec("Conv1d", 4, 6, 3, groups=2, padding=1, bias=False), (1, 4, 6)),
        case("Conv2d", spec("Conv2d", 2, 3, 3), (2, 2, 5, 6)),
        case("Conv2d of one channel", spec("Conv2d", 1, 4, 3), (2, 1, 6, 6)),
        case("Conv2d of one pixel", spec("Conv2d", 5, 3, 1), (2, 5, 3, 3)),
        case("Conv2d with stride", spec("Conv2d", 3, 4, 3, stride=2, padding=1, dilation=1, groups=1, bias=True), (2, 3, 7, 8)),
        case("Conv2d with a stride that leaves a rest", spec("Conv2d", 2, 3, 3, stride=3), (1, 2, 7, 8)),
        case("Conv2d same", spec("Conv2d", 2, 3, 3, padding="same"), (2, 2, 5, 4)),
        case("Conv2d same with an even kernel", spec("Conv2d", 2, 3, [2, 4], padding="same"), (1, 2, 5, 5)),
        case("Conv2d same and dilated", spec("Conv2d", 2, 2, 3, padding="same", dilation=2), (1, 2, 6, 5)),
        case("Conv2d valid by name", spec("Conv2d", 2, 2, 3, padding="valid"), (1, 2, 4, 5)),
        case("Conv2d dilated", spec("Conv2d", 2, 3, 3, dilation=2, padding=[1, 2]), (1, 2, 7, 6)),
        case("Conv2d in groups", spec("Conv2d", 4, 6, 3, groups=2, padding=1), (2, 4, 4, 4)),
        case("Conv2d depthwise", spec("Conv2d", 4, 4, 3, groups=4, padding=1), (2, 4, 5, 5)),
        case("Conv2d depthwise with a multiplier", spec("Conv2d", 3, 6, 3, groups=3, stride=2), (1, 3, 7, 7)),
        case("Conv2d without bias", spec("Conv2d", 3, 2, 3, bias=False), (2, 3, 4, 4)),
        case("Conv2d with a tall kernel", spec("Conv2d", 2, 3, [5, 1], padding=[2, 0]), (1, 2, 6, 4)),
        case("Conv2d with a wide kernel and two strides", spec("Conv2d", 2, 3, [1, 4], stride=[2, 3], padding=[0, 1]), (2, 2, 5, 8)),
        case("Conv2d with everything", spec("Conv2d", 4, 4, [3, 2], stride=[2, 1], padding=[1, 2], dilation=[2, 1], groups=2), (2, 4, 9, 5)),
        case("Conv2d of many channels", spec("Conv2d", 17, 18, 3, padding=1), (1, 17, 4, 5)),
        case("Conv2d with circular padding", spec("Conv2d", 2, 2, 3, padding=1, padding_mode="circular"), (1, 2, 4, 4)),
        case("Conv3d", spec("Conv3d", 2, 2, 2, stride=[1, 2, 1], padding=[1, 0, 0]), (1, 2, 3, 4, 3)),
        case("ConvTranspose1d", spec("ConvTranspose1d", 2, 3, 3, stride=2, padding=1, output_padding=1), (2, 2, 5)),
        case("ConvTranspose2d", spec("ConvTranspose2d", 3, 2, 3, stride=2, padding=1), (2, 3, 4, 3)),
        case("ConvTranspose2d in groups", spec("ConvTranspose2d", 4, 4, 3, groups=2, dilation=2, bias=False), (1, 4, 3, 3)),
    ]


def pooling() -> list[dict]:
    return [
        case("MaxPool1d", spec("MaxPool1d", 3, stride=2, padding=1), (2, 2, 8)),
        case("MaxPool2d", spec("MaxPool2d", 2), (2, 2, 4, 6)),
        case("MaxPool2d that leaves a rest", spec("MaxPool2d", 2), (1, 2, 5, 7)),
        case("MaxPool2d with overlap and padding", spec("MaxPool2d", 3, stride=2, padding=1), (2, 2, 6, 7)),
        case("MaxPool2d with the stride in place", spec("MaxPool2d", 3, 1), (1, 2, 5, 5)),
        case("MaxPool2d with ceilMode", spec("MaxPool2d", 3, stride=2, ceil_mode=True), (1, 2, 6, 8)),
        case("MaxPool2d dilated", spec("MaxPool2d", 2, stride=1, dilation=2), (1, 2, 6, 5)),
        case("MaxPool2d rectangular", spec("MaxPool2d", [3, 2], stride=[1, 2], padding=[1, 0]), (1, 2, 5, 6)),
        case("MaxPool2d gives a tie to the first", spec("MaxPool2d", 2), np.float32([[[[1, 1, 0, 2], [1, 1, 2, 0], [0, 0, -1, -1], [0, 0, -1, -1]]]])),
        case("AvgPool1d", spec("AvgPool1d", 3, stride=2), (2, 2, 9)),
        case("AvgPool2d", spec("AvgPool2d", 2), (2, 2, 4, 6)),
        case("AvgPool2d that counts its padding", spec("AvgPool2d", 3, stride=2, padding=1), (1, 2, 6, 5)),
        case("AvgPool2d that does not count its padding", spec("AvgPool2d", 3, stride=2, padding=1, count_include_pad=False), (1, 2, 6, 5)),
        case("AvgPool2d with ceilMode", spec("AvgPool2d", 2, ceil_mode=True), (1, 2, 5, 5)),
        case("AvgPool2d with its own divisor", spec("AvgPool2d", [2, 3], stride=1, divisor_override=4), (1, 2, 4, 5)),
        case("AdaptiveAvgPool1d", spec("AdaptiveAvgPool1d", 3), (2, 2, 7)),
        case("AdaptiveAvgPool2d to one", spec("AdaptiveAvgPool2d", 1), (2, 3, 4, 5)),
        case("AdaptiveAvgPool2d to a rectangle", spec("AdaptiveAvgPool2d", [2, 3]), (1, 2, 5, 7)),
        case("AdaptiveAvgPool2d of one axis", spec("AdaptiveAvgPool2d", [None, 2]), (1, 2, 3, 5)),
        case("AdaptiveAvgPool2d that enlarges", spec("AdaptiveAvgPool2d", [4, 5]), (1, 1, 3, 3)),
        case("AdaptiveMaxPool2d", spec("AdaptiveMaxPool2d", [2, 3]), (1, 2, 5, 7)),
    ]


def shape() -> list[dict]:
    return [
        case("Flatten", spec("Flatten"), (2, 3, 2, 2)),
        case("Flatten between two axes", spec("Flatten", 0, 1), (2, 3, 4)),
        case("Unflatten", spec("Unflatten", 1, [2, 3]), (2, 6)),
        case("Identity", spec("Identity"), (2, 3)),
        case("Dropout in evaluation", spec("Dropout", 0.5), (3, 4), mode="eval"),
        case("Dropout of nothing", spec("Dropout", 0.0), (3, 4)),
        case("Dropout of everything", spec("Dropout", 1.0), (3, 4)),
        case("Dropout2d in evaluation", spec("Dropout2d", 0.3), (2, 3, 2, 2), mode="eval"),
        case("Upsample to the nearest", spec("Upsample", scale_factor=2), (1, 2, 2, 3)),
        case("ZeroPad2d", spec("ZeroPad2d", [1, 2, 0, 1]), (1, 2, 2, 3)),
        case("PixelShuffle", spec("PixelShuffle", 2), (1, 4, 2, 3)),
    ]


def normalisation() -> list[dict]:
    return [
        case("BatchNorm1d on a matrix", spec("BatchNorm1d", 4), (6, 4)),
        case("BatchNorm1d on three axes", spec("BatchNorm1d", 3), (4, 3, 5)),
        case("BatchNorm1d in evaluation", spec("BatchNorm1d", 4), (3, 4), mode="eval"),
        case("BatchNorm2d", spec("BatchNorm2d", 3), (2, 3, 4, 3)),
        case("BatchNorm2d in evaluation", spec("BatchNorm2d", 3), (2, 3, 2, 3), mode="eval"),
        case("BatchNorm2d with its own numbers", spec("BatchNorm2d", 2, eps=0.01, momentum=0.3), (3, 2, 2, 2)),
        case("BatchNorm2d with a cumulative average", spec("BatchNorm2d", 2, momentum=None), (3, 2, 2, 2)),
        case("BatchNorm2d without affine", spec("BatchNorm2d", 3, affine=False), (2, 3, 3, 2)),
        case("BatchNorm2d without running statistics", spec("BatchNorm2d", 3, track_running_stats=False), (2, 3, 2, 2), mode="eval"),
        case("LayerNorm", spec("LayerNorm", 6), (4, 6)),
        case("LayerNorm on three axes", spec("LayerNorm", 5), (2, 3, 5)),
        case("LayerNorm over two axes", spec("LayerNorm", [3, 4]), (2, 3, 4)),
        case("LayerNorm without affine", spec("LayerNorm", 6, elementwise_affine=False), (3, 6)),
        case("LayerNorm without bias", spec("LayerNorm", 6, bias=False, eps=0.001), (3, 6)),
        case("GroupNorm", spec("GroupNorm", 2, 4), (2, 4, 3, 2)),
        case("InstanceNorm2d", spec("InstanceNorm2d", 3, affine=True), (2, 3, 3, 3)),
        case("RMSNorm", spec("RMSNorm", 6), (3, 6)),
    ]


def embedding() -> list[dict]:
    words = np.int64([[1, 4, 0, 4], [2, 1, 1, 5]])
    return [
        case("Embedding", spec("Embedding", 6, 3), words),
        case("Embedding with paddingIdx", spec("Embedding", 6, 3, padding_idx=1), words),
        case("Embedding of one axis", spec("Embedding", 4, 2), np.int64([3, 3, 0])),
        case("Embedding with maxNorm", spec("Embedding", 6, 3, max_norm=1.0), words),
        case("Embedding with maxNorm, normType and paddingIdx", spec("Embedding", 6, 3, max_norm=1.0, norm_type=3.0, padding_idx=1), words),
        case("Embedding with scaleGradByFreq", spec("Embedding", 6, 3, scale_grad_by_freq=True, padding_idx=2), words),
        case("EmbeddingBag with maxNorm", spec("EmbeddingBag", 6, 3, max_norm=1.0, norm_type=1.0), words),
    ]


def networks() -> list[dict]:
    pixels = [spec("Conv2d", 1, 4, 3), spec("ReLU"), spec("MaxPool2d", 2), spec("Conv2d", 4, 6, 3, padding=1), spec("ReLU"), spec("MaxPool2d", 2)]
    head = [spec("Flatten"), spec("Linear", 24, 8), spec("ReLU"), spec("Linear", 8, 3)]
    return [
        case("A small convolutional network", sequential(*pixels, *head), (2, 1, 10, 10)),
        case(
            "A small network with BatchNorm",
            sequential(spec("Conv2d", 2, 4, 3, bias=False), spec("BatchNorm2d", 4), spec("ReLU"), spec("AdaptiveAvgPool2d", 1), spec("Flatten"), spec("Linear", 4, 3)),
            (3, 2, 6, 6),
        ),
        case("A multilayer perceptron", sequential(spec("Linear", 5, 8), spec("Tanh"), spec("Linear", 8, 8), spec("GELU"), spec("Linear", 8, 2)), (4, 5)),
        case(
            "A nested network",
            sequential(sequential(spec("Linear", 3, 4), spec("SiLU")), spec("LayerNorm", 4), sequential(spec("Linear", 4, 2), spec("LogSoftmax", dim=1))),
            (3, 3),
        ),
    ]


def cases() -> list[dict]:
    return [*linear(), *convolution(), *pooling(), *shape(), *normalisation(), *embedding(), *networks()]
