"""Cases of torch.nn modules over space (convolution, pooling, padding, pixels, normalisation of channels) and of modules with several inputs."""

from __future__ import annotations

import numpy as np

from torch_module import case, spec


def convolution() -> list[dict]:
    modes = ("reflect", "replicate", "circular")
    return [
        *(case(f"Conv1d with {mode} padding", spec("Conv1d", 2, 3, 3, padding=2, padding_mode=mode), (2, 2, 5)) for mode in modes),
        *(case(f"Conv2d same with {mode} padding", spec("Conv2d", 2, 2, [2, 3], padding="same", dilation=[1, 2], padding_mode=mode), (1, 2, 5, 6)) for mode in modes),
        case("Conv3d with circular padding, strides and groups", spec("Conv3d", 2, 4, 2, padding=1, stride=2, groups=2, padding_mode="circular"), (1, 2, 3, 3, 2)),
        case("Conv3d same", spec("Conv3d", 1, 2, [2, 3, 1], padding="same"), (1, 1, 3, 3, 2)),
        case("Conv2d without batch", spec("Conv2d", 2, 3, 3), (2, 5, 6)),
        case("ConvTranspose1d dilated", spec("ConvTranspose1d", 2, 4, 3, stride=2, padding=3, dilation=2), (1, 2, 5)),
        case("ConvTranspose1d in groups without batch", spec("ConvTranspose1d", 4, 6, 2, stride=3, groups=2), (4, 4)),
        case("ConvTranspose2d with everything", spec("ConvTranspose2d", 4, 6, [3, 2], stride=[2, 3], padding=[1, 0], output_padding=[1, 2], groups=2, dilation=[2, 1]), (2, 4, 3, 2)),
        case("ConvTranspose2d with a stride above its kernel", spec("ConvTranspose2d", 2, 2, 2, stride=3), (1, 2, 2, 3)),
        case("ConvTranspose3d", spec("ConvTranspose3d", 2, 3, 2, stride=[1, 2, 2], padding=[0, 1, 0], bias=False), (1, 2, 2, 3, 2)),
    ]


def pooling() -> list[dict]:
    return [
        case("MaxPool1d dilated with ceilMode", spec("MaxPool1d", 3, stride=2, padding=1, dilation=2, ceil_mode=True), (2, 2, 9)),
        case("MaxPool3d", spec("MaxPool3d", 2, stride=[1, 2, 2], padding=[1, 0, 1]), (1, 2, 3, 4, 5)),
        case("MaxPool2d without batch", spec("MaxPool2d", 2), (2, 4, 6)),
        case("AvgPool3d", spec("AvgPool3d", [1, 2, 3], stride=1, padding=[0, 1, 1], count_include_pad=False), (1, 2, 2, 3, 4)),
        case("AvgPool3d with ceilMode", spec("AvgPool3d", 2, padding=1, ceil_mode=True), (1, 1, 3, 4, 3)),
        case("LPPool1d", spec("LPPool1d", 2, 3, stride=2), (2, 2, 7)),
        case("LPPool2d of odd power", spec("LPPool2d", 3, 2), np.abs(np.random.default_rng(1).standard_normal((1, 2, 4, 4))).astype(np.float32)),
        case("LPPool2d with ceilMode", spec("LPPool2d", 2, [3, 2], ceil_mode=True), (1, 2, 5, 5)),
        case("LPPool3d", spec("LPPool3d", 2, 2), (1, 1, 2, 4, 4)),
        case("AdaptiveAvgPool3d", spec("AdaptiveAvgPool3d", [2, 2, 1]), (1, 2, 4, 3, 5)),
        case("AdaptiveMaxPool1d", spec("AdaptiveMaxPool1d", 3), (2, 2, 7)),
        case("AdaptiveMaxPool3d", spec("AdaptiveMaxPool3d", [2, None, 2]), (1, 2, 3, 2, 5)),
    ]


def padding() -> list[dict]:
    found = []
    for n, sizes, shape in ((1, [1, 2], (2, 2, 4)), (2, [1, 2, 2, 0], (1, 2, 3, 4)), (3, [1, 0, 2, 1, 1, 1], (1, 1, 2, 3, 4))):
        found += [case(f"{kind}{n}d", spec(f"{kind}{n}d", sizes), shape) for kind in ("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad")]
        found.append(case(f"ConstantPad{n}d", spec(f"ConstantPad{n}d", sizes, 1.5), shape))
        found.append(case(f"ReplicationPad{n}d by one number, without batch", spec(f"ReplicationPad{n}d", 2), shape[1:]))
    return [*found, case("ZeroPad2d that crops", spec("ZeroPad2d", [-1, 2, 0, -1]), (1, 2, 3, 4))]


def pixels() -> list[dict]:
    return [
        case("PixelShuffle by 3", spec("PixelShuffle", 3), (2, 9, 2, 2)),
        case("PixelUnshuffle", spec("PixelUnshuffle", 2), (1, 2, 4, 6)),
        case("ChannelShuffle", spec("ChannelShuffle", 3), (1, 6, 2, 2)),
        case("Unfold", spec("Unfold", [2, 3], dilation=[2, 1], padding=[1, 0], stride=[1, 2]), (2, 2, 4, 5)),
        case("Fold", spec("Fold", [4, 5], [2, 3], padding=1, stride=2), (1, 12, 9)),
        case("Fold without batch", spec("Fold", [3, 3], 2), (4, 4)),
    ]


def normalisation() -> list[dict]:
    return [
        case("BatchNorm3d", spec("BatchNorm3d", 2), (2, 2, 2, 3, 2)),
        case("BatchNorm1d that never tracks, in training", spec("BatchNorm1d", 3, track_running_stats=False, momentum=None), (4, 3)),
        case("InstanceNorm1d", spec("InstanceNorm1d", 3), (2, 3, 5)),
        case("InstanceNorm2d with statistics", spec("InstanceNorm2d", 3, affine=True, track_running_stats=True, momentum=0.3), (2, 3, 3, 3)),
        case("InstanceNorm2d with statistics, in evaluation", spec("InstanceNorm2d", 3, affine=True, track_running_stats=True), (2, 3, 3, 3), mode="eval"),
        case("InstanceNorm3d without batch", spec("InstanceNorm3d", 2, affine=True), (2, 2, 3, 2)),
        case("GroupNorm of one axis without affine", spec("GroupNorm", 3, 12, affine=False), (4, 12)),
        case("LocalResponseNorm", spec("LocalResponseNorm", 3, alpha=0.1, beta=0.6, k=2.0), (2, 5, 3, 2)),
        case("LocalResponseNorm of an even size", spec("LocalResponseNorm", 4, alpha=0.5), (2, 6, 3)),
        case("RMSNorm over two axes", spec("RMSNorm", (3, 4), eps=0.01), (2, 3, 4)),
    ]


def several() -> list[dict]:
    bags = np.int64([1, 2, 4, 5, 4, 3, 2, 9])
    rows = np.int64([[1, 2, 4, 5], [4, 3, 2, 9]])
    found = [case(f"EmbeddingBag, {mode}", spec("EmbeddingBag", 10, 3, mode=mode), rows) for mode in ("sum", "mean", "max")]
    found += [case(f"EmbeddingBag with offsets, {mode}", spec("EmbeddingBag", 10, 3, mode=mode), bags, np.int64([0, 3, 3, 6])) for mode in ("sum", "mean", "max")]
    found += [case(f"EmbeddingBag with paddingIdx, {mode}", spec("EmbeddingBag", 10, 3, mode=mode, padding_idx=2), rows) for mode in ("sum", "mean", "max")]
    return [
        *found,
        case("EmbeddingBag with the last offset", spec("EmbeddingBag", 10, 3, mode="sum", include_last_offset=True), bags, np.int64([0, 3, 8])),
        case("Bilinear on three axes without bias", spec("Bilinear", 3, 4, 2, bias=False), (2, 3, 3), (2, 3, 4)),
        case("CosineSimilarity", spec("CosineSimilarity"), (3, 5), (3, 5)),
        case("CosineSimilarity along another axis", spec("CosineSimilarity", dim=2), (2, 2, 4), (2, 2, 4)),
        case("PairwiseDistance", spec("PairwiseDistance"), (3, 5), (3, 5)),
        case("PairwiseDistance of power 3, keeping its axis", spec("PairwiseDistance", p=3.0, keepdim=True), (3, 5), (3, 5)),
        case("PairwiseDistance of power 1", spec("PairwiseDistance", p=1.0), (3, 5), (3, 5)),
        case("RReLU in evaluation", spec("RReLU", lower=0.2, upper=0.4), (3, 4), mode="eval"),
        case("Softmax2d", spec("Softmax2d"), (1, 3, 2, 2)),
        case("AlphaDropout in evaluation", spec("AlphaDropout", 0.5), (3, 4), mode="eval"),
        case("Dropout3d in evaluation", spec("Dropout3d", 0.5), (1, 2, 2, 2, 2), mode="eval"),
    ]


def cases() -> list[dict]:
    return [*convolution(), *pooling(), *padding(), *pixels(), *normalisation(), *several()]
