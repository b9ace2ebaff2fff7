/** The blocks of residual networks: what they make of their input is added to it. */
import { Module } from "../module/module.ts";
import { type Activation, ReLU } from "../nn/activation.ts";
import { BatchNorm2d } from "../nn/batchnorm.ts";
import type { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A residual block: `width` channels inside, `width · expansion` out, `stride` between its pixels. */
export interface ResidualBlock {
  new (inChannels: number, width: number, stride: number, downsample?: Sequential): Module & { readonly last: BatchNorm2d };
  readonly expansion: number;
}

/**
 * Two 3 × 3 convolutions.
 * @shape [batch, inChannels, height, width] → [batch, width, height / stride, width / stride]
 * @source He et al., "Deep residual learning for image recognition" (2015), figure 2
 */
export class BasicBlock extends Module {
  static readonly expansion: number = 1;
  conv1: Conv2d;
  bn1: BatchNorm2d;
  relu: Activation = new ReLU();
  conv2: Conv2d;
  bn2: BatchNorm2d;
  /** Makes the input fit to be added. */
  downsample: Sequential | undefined;

  constructor(inChannels: number, width: number, stride = 1, downsample?: Sequential) {
    super();
    this.conv1 = new Conv2d(inChannels, width, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.downsample = downsample;
  }

  /** The normalisation right before the sum. */
  get last(): BatchNorm2d {
    return this.bn2;
  }

  forward(x: Tensor): Tensor {
    const inner = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    const y = this.bn2.forward(this.conv2.forward(inner));
    return this.relu.forward(y.add(this.downsample ? this.downsample.forward(x) : x));
  }
}

/**
 * A 3 × 3 convolution between two of 1 × 1 that make channels fewer and more. The stride is in the middle, as torchvision has it.
 * @shape [batch, inChannels, height, width] → [batch, 4 · width, height / stride, width / stride]
 * @source He et al. (2015), figure 5
 */
export class Bottleneck extends Module {
  static readonly expansion: number = 4;
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  relu: Activation = new ReLU();
  /** Makes the input fit to be added. */
  downsample: Sequential | undefined;

  constructor(inChannels: number, width: number, stride = 1, downsample?: Sequential) {
    super();
    this.conv1 = new Conv2d(inChannels, width, 1, { bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { stride, padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = new Conv2d(width, 4 * width, 1, { bias: false });
    this.bn3 = new BatchNorm2d(4 * width);
    this.downsample = downsample;
  }

  /** The normalisation right before the sum. */
  get last(): BatchNorm2d {
    return this.bn3;
  }

  forward(x: Tensor): Tensor {
    const narrow = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    const inner = this.relu.forward(this.bn2.forward(this.conv2.forward(narrow)));
    const y = this.bn3.forward(this.conv3.forward(inner));
    return this.relu.forward(y.add(this.downsample ? this.downsample.forward(x) : x));
  }
}
