"""Cases of Keras layers over one to three spatial axes, of normalisation within samples, and of what they may be told."""

from __future__ import annotations

import numpy as np

from keras_layer import case


def shape_of(rank: int, channels: int, first: bool = False) -> tuple[int, ...]:
    sizes = (5, 4, 6)[:rank]
    return (2, channels, *sizes) if first else (2, *sizes, channels)


def convolution() -> list[dict]:
    found = []
    for padding in ("valid", "same"):
        found += [
            case(f"conv3d {padding}", "conv3d", 2, [2, 3, 2], strides=[1, 2, 2], padding=padding, inputs=shape_of(3, 2)),
            case(f"separableConv1d {padding}", "separableConv1d", 3, 3, padding=padding, depth_multiplier=2, activation="relu", inputs=shape_of(1, 2)),
            case(f"separableConv2d {padding}", "separableConv2d", 3, [2, 3], padding=padding, strides=2, inputs=shape_of(2, 2)),
            case(f"depthwiseConv1d {padding}", "depthwiseConv1d", 3, padding=padding, strides=2, inputs=shape_of(1, 2)),
            case(f"depthwiseConv2d {padding}", "depthwiseConv2d", [3, 2], padding=padding, depth_multiplier=2, inputs=shape_of(2, 2)),
        ]
        for strides in (1, 2, 3):
            for kernel in (2, 3):
                found.append(case(f"conv1dTranspose {padding}, strides {strides}, kernel {kernel}", "conv1dTranspose", 3, kernel, strides=strides, padding=padding, inputs=shape_of(1, 2)))
        found += [
            case(f"conv2dTranspose {padding}, rectangular", "conv2dTranspose", 3, [2, 4], strides=[3, 2], padding=padding, use_bias=False, inputs=(1, 3, 2, 2)),
            case(f"conv3dTranspose {padding}", "conv3dTranspose", 2, [2, 3, 2], strides=[1, 2, 2], padding=padding, inputs=(1, 2, 3, 2, 2)),
        ]
    return [
        *found,
        case("conv2dTranspose with outputPadding", "conv2dTranspose", 2, 3, strides=2, output_padding=[1, 0], inputs=(1, 3, 2, 2)),
        case("conv2dTranspose same with outputPadding", "conv2dTranspose", 2, 3, strides=2, padding="same", output_padding=1, inputs=(1, 3, 2, 2)),
        case("conv1d in groups", "conv1d", 4, 3, groups=2, inputs=(1, 6, 4)),
    ]


def pooling() -> list[dict]:
    found = []
    for mode in ("max", "average"):
        capital = mode.capitalize()
        for rank in (1, 2, 3):
            found += [
                case(f"{mode}Pooling{rank}d same with overlap", f"{mode}Pooling{rank}d", 3, strides=2, padding="same", inputs=shape_of(rank, 2)),
                case(f"global{capital}Pooling{rank}d", f"global{capital}Pooling{rank}d", inputs=shape_of(rank, 3)),
                case(f"adaptive{capital}Pooling{rank}d", f"adaptive{capital}Pooling{rank}d", [3, 2, 4][:rank], inputs=shape_of(rank, 2)),
            ]
    return [
        *found,
        case("maxPooling3d", "maxPooling3d", [1, 2, 2], inputs=shape_of(3, 2)),
        case("globalMaxPooling3d with keepdims", "globalMaxPooling3d", keepdims=True, inputs=shape_of(3, 2)),
    ]


def first() -> list[dict]:
    """Only what TensorFlow can do channels first on a processor."""
    return [
        case("zeroPadding2d, channels first", "zeroPadding2d", [1, 2], data_format="channels_first", inputs=shape_of(2, 2, True)),
        case("cropping2d, channels first", "cropping2d", 1, data_format="channels_first", inputs=shape_of(2, 2, True)),
        case("upSampling2d, channels first", "upSampling2d", [2, 3], data_format="channels_first", inputs=shape_of(2, 2, True)),
        case("globalAveragePooling2d, channels first", "globalAveragePooling2d", data_format="channels_first", inputs=shape_of(2, 2, True)),
        case("globalMaxPooling1d, channels first, with keepdims", "globalMaxPooling1d", data_format="channels_first", keepdims=True, inputs=shape_of(1, 2, True)),
        case("averagePooling1d, channels first", "averagePooling1d", 2, data_format="channels_first", inputs=shape_of(1, 2, True)),
    ]


def borders() -> list[dict]:
    found = []
    for rank, pairs in ((1, [1, 2]), (2, [[1, 0], [2, 1]]), (3, [[1, 1], [0, 2], [1, 0]])):
        found += [
            case(f"zeroPadding{rank}d by pairs", f"zeroPadding{rank}d", pairs, inputs=shape_of(rank, 2)),
            case(f"cropping{rank}d by pairs", f"cropping{rank}d", pairs, inputs=shape_of(rank, 2)),
            case(f"upSampling{rank}d", f"upSampling{rank}d", [2, 3, 1][:rank] if rank > 1 else 2, inputs=shape_of(rank, 2)),
        ]
    return found


def normalisation() -> list[dict]:
    return [
        case("batchNormalization on another axis", "batchNormalization", axis=1, inputs=(3, 2, 4)),
        case("groupNormalization along another axis", "groupNormalization", groups=2, axis=1, inputs=(2, 4, 3)),
        case("groupNormalization, one group a channel", "groupNormalization", groups=-1, epsilon=0.01, center=False, inputs=(2, 3, 2, 4)),
        case("rmsNormalization", "rmsNormalization", inputs=(3, 6)),
        case("rmsNormalization over two axes", "rmsNormalization", axis=[1, 2], epsilon=0.01, inputs=(2, 3, 4)),
        case("unitNormalization over two axes", "unitNormalization", axis=[1, 2], inputs=(2, 3, 4)),
        case("layerNormalization on an inner axis", "layerNormalization", axis=1, inputs=(2, 4, 3)),
    ]


def others() -> list[dict]:
    return [
        case("einsumDense", "einsumDense", "ab,bc->ac", 3, bias_axes="c", inputs=(4, 5)),
        case("einsumDense of three axes", "einsumDense", "abc,cd->abd", [None, 3], bias_axes="d", activation="tanh", inputs=(2, 3, 4)),
        case("einsumDense with axes in front", "einsumDense", "...x,xy->...y", 3, bias_axes="y", inputs=(2, 3, 4)),
        case("einsumDense into heads", "einsumDense", "abc,cde->abde", [None, 2, 3], bias_axes="de", inputs=(2, 3, 4)),
        case("einsumDense with axes behind", "einsumDense", "ab...,bc->ac...", 3, bias_axes="c", inputs=(2, 4, 5)),
        case("permute of three axes", "permute", [3, 1, 2], inputs=(2, 3, 4, 2)),
        case("identity", "identity", inputs=(2, 3)),
        case("activityRegularization", "activityRegularization", l1=0.1, l2=0.2, inputs=(2, 3)),
        *(case(f"{kind} in inference", kind, 0.4, training=False, inputs=(2, 3)) for kind in ("gaussianDropout", "gaussianNoise", "alphaDropout")),
        *(case(f"spatialDropout{rank}d in inference", f"spatialDropout{rank}d", 0.4, training=False, inputs=shape_of(rank, 2)) for rank in (1, 2, 3)),
    ]


def cases() -> list[dict]:
    return [*convolution(), *pooling(), *first(), *borders(), *normalisation(), *others()]
