import { unknownName } from "../base/text.ts";
import { Module } from "../module/module.ts";
import { type Activation, ReLU } from "../nn/activation.ts";
import { AdaptiveAvgPool2d } from "../nn/adaptive.ts";
import { BatchNorm2d } from "../nn/batchnorm.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import { zeros } from "../nn/init.ts";
import { expectCount } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { MaxPool2d } from "../nn/pool.ts";
import { Flatten, Identity } from "../nn/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BasicBlock, Bottleneck, type ResidualBlock } from "./residual.ts";
import { startConvolution } from "./start.ts";

export interface ResNetOptions {
  /** Default 1000. */
  numClasses?: number;
  /** Default 3. */
  inChannels?: number;
  /** Channels of the first stage; each next one has twice as many. Default 64. */
  width?: number;
  /** How images enter: `"large"` by a 7 × 7 convolution and a pooling, to a quarter of their size; `"small"` by a 3 × 3 convolution, as they are (CIFAR). Default `"large"`. */
  stem?: "large" | "small";
  /** Starts each block as the identity. Default `false`. */
  zeroInitResidual?: boolean;
}

const stems = ["large", "small"];

/**
 * A residual network: a convolution, four stages of blocks, the mean over the image and a linear map.
 * @shape [batch, inChannels, height, width] → [batch, numClasses] scores
 * @source He et al., "Deep residual learning for image recognition" (2015); paths and start values of torchvision
 */
export class ResNet extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  relu: Activation = new ReLU();
  maxpool: MaxPool2d | Identity;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  avgpool: AdaptiveAvgPool2d = new AdaptiveAvgPool2d(1);
  fc: Linear;
  readonly #flatten = new Flatten();

  /** `depths`: how many blocks each of the four stages has. */
  constructor(block: ResidualBlock, depths: readonly [number, number, number, number], options: ResNetOptions = {}) {
    super();
    const { numClasses = 1000, inChannels = 3, width = 64, stem = "large", zeroInitResidual = false } = options;
    for (const [name, count] of Object.entries({ numClasses, width })) expectCount("ResNet", name, count);
    if (!stems.includes(stem)) throw unknownName("ResNet", "stem", stem, stems);
    const large = stem === "large";
    this.conv1 = new Conv2d(inChannels, width, large ? 7 : 3, { stride: large ? 2 : 1, padding: large ? 3 : 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.maxpool = large ? new MaxPool2d(3, { stride: 2, padding: 1 }) : new Identity();
    this.layer1 = stage(block, width, width, depths[0], 1);
    this.layer2 = stage(block, width * block.expansion, 2 * width, depths[1], 2);
    this.layer3 = stage(block, 2 * width * block.expansion, 4 * width, depths[2], 2);
    this.layer4 = stage(block, 4 * width * block.expansion, 8 * width, depths[3], 2);
    this.fc = new Linear(8 * width * block.expansion, numClasses);
    this.apply(startConvolution);
    if (zeroInitResidual) for (const module of this.modules()) if (module instanceof block) zeros(module.last.weight!);
  }

  forward(x: Tensor): Tensor {
    const start = this.maxpool.forward(this.relu.forward(this.bn1.forward(this.conv1.forward(x))));
    const maps = [this.layer1, this.layer2, this.layer3, this.layer4].reduce((x, stage) => stage.forward(x), start as Tensor);
    return this.fc.forward(this.#flatten.forward(this.avgpool.forward(maps)));
  }
}

/** Blocks one after another, of which the first changes sizes. */
function stage(block: ResidualBlock, inChannels: number, width: number, depth: number, stride: number): Sequential {
  const outChannels = width * block.expansion;
  const fits = stride === 1 && inChannels === outChannels;
  const downsample = fits ? undefined : new Sequential(new Conv2d(inChannels, outChannels, 1, { stride, bias: false }), new BatchNorm2d(outChannels));
  const rest = Array.from({ length: depth - 1 }, () => new block(outChannels, width, 1));
  return new Sequential(new block(inChannels, width, stride, downsample), ...rest);
}

/** ResNet-18: 11,689,512 parameters as it stands. */
export const resnet18 = (options?: ResNetOptions): ResNet => new ResNet(BasicBlock, [2, 2, 2, 2], options);

/** ResNet-34: 21,797,672 parameters as it stands. */
export const resnet34 = (options?: ResNetOptions): ResNet => new ResNet(BasicBlock, [3, 4, 6, 3], options);

/** ResNet-50: 25,557,032 parameters as it stands. */
export const resnet50 = (options?: ResNetOptions): ResNet => new ResNet(Bottleneck, [3, 4, 6, 3], options);

/** ResNet-101: 44,549,160 parameters as it stands. */
export const resnet101 = (options?: ResNetOptions): ResNet => new ResNet(Bottleneck, [3, 4, 23, 3], options);
