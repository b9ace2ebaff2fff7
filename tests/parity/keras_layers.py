"""Cases of Keras layers: forward, all gradients, and what the layer keeps."""

from __future__ import annotations

import numpy as np

from keras_layer import case

ACTIVATIONS = ["relu", "sigmoid", "tanh", "softmax", "elu", "selu", "gelu", "swish", "silu", "softplus", "softsign", "exponential"]
ACTIVATIONS += ["leaky_relu", "hard_sigmoid", "hard_silu", "hard_swish", "relu6", "linear", "mish", "log_softmax", "celu"]


def dense() -> list[dict]:
    return [
        case("dense", "dense", 3, inputs=(5, 4)),
        case("dense on three axes", "dense", 3, inputs=(2, 3, 4)),
        case("dense without bias", "dense", 2, use_bias=False, inputs=(3, 6)),
        *(case(f"dense with {name}", "dense", 5, activation=name, inputs=(3, 4)) for name in ACTIVATIONS),
    ]


def convolution() -> list[dict]:
    sizes = {"even": (1, 6, 8, 2), "odd": (1, 7, 5, 2)}
    same = [
        case(f"conv2d same, strides {strides}, kernel {kernel}, {parity} sizes", "conv2d", 3, kernel, strides=strides, padding="same", inputs=shape)
        for parity, shape in sizes.items()
        for kernel in (2, 3, 4)
        for strides in (1, 2, 3)
    ]
    return [
        case("conv1d", "conv1d", 3, 3, inputs=(2, 7, 2)),
        case("conv1d same, strides 2", "conv1d", 3, 4, strides=2, padding="same", inputs=(2, 7, 2)),
        case("conv1d causal", "conv1d", 2, 3, padding="causal", dilation_rate=2, inputs=(1, 8, 2)),
        case("conv2d", "conv2d", 4, [3, 3], activation="relu", inputs=(2, 6, 5, 2)),
        case("conv2d valid, strides 2, even sizes", "conv2d", 3, 3, strides=2, inputs=(1, 6, 8, 2)),
        case("conv2d valid, strides 2, odd sizes", "conv2d", 3, 3, strides=2, inputs=(1, 7, 5, 2)),
        *same,
        case("conv2d without bias", "conv2d", 2, 3, use_bias=False, inputs=(1, 4, 4, 3)),
        case("conv2d of a rectangle", "conv2d", 2, [1, 4], strides=[2, 3], padding="same", inputs=(2, 5, 8, 2)),
        case("conv2d dilated", "conv2d", 3, 3, dilation_rate=2, inputs=(1, 7, 6, 2)),
        case("conv2d dilated, same", "conv2d", 3, 3, dilation_rate=[2, 3], padding="same", inputs=(1, 7, 8, 2)),
        case("conv2d in groups", "conv2d", 6, 3, groups=2, padding="same", inputs=(1, 4, 4, 4)),
        case("depthwiseConv2d", "depthwiseConv2d", 3, depth_multiplier=2, padding="same", inputs=(1, 4, 5, 3)),
        case("separableConv2d", "separableConv2d", 4, 3, inputs=(1, 5, 5, 3)),
        case("conv2dTranspose", "conv2dTranspose", 3, 3, strides=2, padding="same", inputs=(1, 3, 4, 2)),
        case("conv2dTranspose valid", "conv2dTranspose", 3, 3, strides=2, inputs=(1, 3, 4, 2)),
    ]


def pooling() -> list[dict]:
    found = []
    for function in ("maxPooling2d", "averagePooling2d"):
        found += [
            case(function, function, [2, 2], inputs=(2, 4, 6, 2)),
            case(f"{function} that leaves a rest", function, 2, inputs=(1, 5, 7, 2)),
            case(f"{function} with overlap", function, 3, strides=2, inputs=(1, 7, 7, 2)),
            case(f"{function} same", function, 2, padding="same", inputs=(1, 5, 7, 2)),
            case(f"{function} same with overlap, odd sizes", function, 3, strides=2, padding="same", inputs=(1, 5, 7, 2)),
            case(f"{function} same with overlap, even sizes", function, 3, strides=2, padding="same", inputs=(1, 6, 4, 2)),
            case(f"{function} same, strides 1", function, [3, 2], strides=1, padding="same", inputs=(1, 4, 4, 2)),
        ]
    return [
        *found,
        case("maxPooling1d same", "maxPooling1d", 3, strides=2, padding="same", inputs=(2, 7, 2)),
        case("averagePooling1d", "averagePooling1d", 2, inputs=(2, 6, 2)),
        case("globalAveragePooling2d", "globalAveragePooling2d", inputs=(2, 3, 4, 2)),
        case("globalAveragePooling2d with keepdims", "globalAveragePooling2d", keepdims=True, inputs=(2, 3, 4, 2)),
        case("globalMaxPooling2d", "globalMaxPooling2d", inputs=(2, 3, 4, 2)),
        case("globalAveragePooling1d", "globalAveragePooling1d", inputs=(2, 5, 3)),
    ]


def normalisation() -> list[dict]:
    return [
        case("batchNormalization", "batchNormalization", inputs=(6, 4)),
        case("batchNormalization of images", "batchNormalization", inputs=(2, 3, 4, 3)),
        case("batchNormalization in inference", "batchNormalization", training=False, inputs=(3, 4)),
        case("batchNormalization of images in inference", "batchNormalization", training=False, inputs=(2, 2, 2, 3)),
        case("batchNormalization with its own numbers", "batchNormalization", momentum=0.7, epsilon=0.01, inputs=(5, 3)),
        *(
            case(
                f"batchNormalization renewed{name}",
                "batchNormalization",
                inputs=shape,
                renorm=True,
                weights={"moving_stddev": np.float32([0.8, 1.2, 1.0]), "renorm_stddev": np.float32([0.5, 1.5, 0.3]), "renorm_mean": np.float32([0.1, -0.4, 0.3])},
                **options,
            )
            for name, shape, options in [
                ("", (6, 3), {}),
                (" within bounds", (2, 3, 2, 3), {"renorm_clipping": {"rmin": 0.8, "rmax": 1.3, "dmax": 0.2}, "renorm_momentum": 0.9, "momentum": 0.8}),
                (" without scale", (6, 3), {"scale": False, "epsilon": 0.01}),
            ]
        ),
        case("batchNormalization without center", "batchNormalization", center=False, inputs=(5, 3)),
        case("batchNormalization without scale", "batchNormalization", scale=False, inputs=(5, 3)),
        case("layerNormalization", "layerNormalization", inputs=(4, 6)),
        case("layerNormalization on three axes", "layerNormalization", inputs=(2, 3, 5)),
        case("layerNormalization over two axes", "layerNormalization", axis=[1, 2], inputs=(2, 3, 4)),
        case("layerNormalization without center and scale", "layerNormalization", center=False, scale=False, inputs=(3, 6)),
        case("groupNormalization", "groupNormalization", groups=2, inputs=(2, 3, 2, 4)),
        case("unitNormalization", "unitNormalization", inputs=(3, 4)),
    ]


def others() -> list[dict]:
    words = np.int32([[1, 4, 0, 4], [2, 1, 1, 5]])
    return [
        case("embedding", "embedding", 6, 3, inputs=words),
        case("flatten", "flatten", inputs=(2, 3, 2, 2)),
        case("reshape", "reshape", [3, -1], inputs=(2, 6)),
        case("permute", "permute", [2, 1], inputs=(2, 3, 4)),
        case("repeatVector", "repeatVector", 3, inputs=(2, 4)),
        case("dropout in inference", "dropout", 0.5, training=False, inputs=(3, 4)),
        case("zeroPadding2d", "zeroPadding2d", [[1, 0], [2, 1]], inputs=(1, 2, 3, 2)),
        case("upSampling2d", "upSampling2d", 2, inputs=(1, 2, 3, 2)),
        case("cropping2d", "cropping2d", [[1, 0], [1, 1]], inputs=(1, 4, 5, 2)),
    ]


def cases() -> list[dict]:
    return [*dense(), *convolution(), *pooling(), *normalisation(), *others()]
