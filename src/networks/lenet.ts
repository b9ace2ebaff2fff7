import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";
import { type Activation, type ActivationClass, Tanh } from "../nn/activation.ts";
import { Conv2d } from "../nn/conv.ts";
import { expectCount } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { AvgPool2d } from "../nn/pool.ts";
import { Flatten } from "../nn/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface LeNetOptions {
  /** Default 10. */
  numClasses?: number;
  /** Default 1. */
  inChannels?: number;
  /** 28 gives the images a border of 2, as the paper did; 32 takes them as they are. Default 28. */
  imageSize?: 28 | 32;
  /** Default `nn.Tanh`. */
  activation?: ActivationClass;
}

/**
 * LeNet-5: two convolutions with pooling, three linear maps. Every map of the second convolution sees all of the first, and scores are linear, as is usual today.
 * @shape [batch, inChannels, imageSize, imageSize] → [batch, numClasses] scores
 * @source LeCun et al., "Gradient-based learning applied to document recognition" (1998)
 */
export class LeNet extends Module {
  conv1: Conv2d;
  conv2: Conv2d;
  pool: AvgPool2d = new AvgPool2d(2);
  activation: Activation;
  flatten: Flatten = new Flatten();
  fc1: Linear;
  fc2: Linear;
  fc3: Linear;

  constructor({ numClasses = 10, inChannels = 1, imageSize = 28, activation = Tanh }: LeNetOptions = {}) {
    super();
    expectCount("LeNet", "numClasses", numClasses);
    if (imageSize !== 28 && imageSize !== 32) throw new CambiumError("value", "LeNet", `imageSize is 28 or 32, got ${imageSize}`);
    this.activation = new activation();
    this.conv1 = new Conv2d(inChannels, 6, 5, { padding: imageSize === 28 ? 2 : 0 });
    this.conv2 = new Conv2d(6, 16, 5);
    this.fc1 = new Linear(16 * 5 * 5, 120);
    this.fc2 = new Linear(120, 84);
    this.fc3 = new Linear(84, numClasses);
  }

  forward(x: Tensor): Tensor {
    const { activation, pool } = this;
    const maps = [this.conv1, this.conv2].reduce((x, conv) => pool.forward(activation.forward(conv.forward(x))) as Tensor, x);
    const features = [this.fc1, this.fc2].reduce((x, fc) => activation.forward(fc.forward(x)), this.flatten.forward(maps));
    return this.fc3.forward(features);
  }
}

/** LeNet-5. */
export const lenet5 = (options?: LeNetOptions): LeNet => new LeNet(options);
